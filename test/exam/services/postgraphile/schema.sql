-- A forum: what PostGraphile makes an API of.
create schema forum;
create sequence forum.ticket start 1000;

create table forum.person (
  id serial primary key,
  handle text not null unique,
  full_name text not null,
  about text,
  created_at timestamptz not null default now()
);

create table forum.topic (
  id serial primary key,
  author_id int not null references forum.person on delete cascade,
  title text not null check (char_length(title) between 3 and 120),
  body text,
  tags text[] not null default '{}',
  ticket text not null default 'T-' || nextval('forum.ticket'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on forum.topic (author_id);
create index on forum.topic (title);
create index on forum.topic (created_at);

create table forum.reply (
  id uuid primary key default gen_random_uuid(),
  topic_id int not null references forum.topic on delete cascade,
  author_id int not null references forum.person on delete cascade,
  body text not null,
  likes int not null default 0,
  created_at timestamptz not null default now()
);
create index on forum.reply (topic_id);
create index on forum.reply (author_id);
create index on forum.reply (likes);

create function forum.search_topics(term text) returns setof forum.topic as $$
  select * from forum.topic where title ilike '%' || term || '%' or body ilike '%' || term || '%' order by id
$$ language sql stable;

create function forum.like_reply(reply_id uuid) returns forum.reply as $$
  update forum.reply set likes = likes + 1 where id = reply_id returning *
$$ language sql volatile strict;
