// Clean text, made by lot from a seed: what services send all day and nobody needs to hide. Catalogues, ids, hashes, clocks,
// prices, addresses of shops, user agents, pages, scripts, logs, tables, queries, images. The detectors must find nothing in it.
import { createHash } from 'node:crypto';

const WORDS = (
  'account active address amount archive article available balance basket billing booking branch brand bundle button cache calendar campaign ' +
  'cancel capacity catalogue category channel checkout client cluster colour comment company component condition connection container content ' +
  'contract country coupon created currency customer dashboard database default delivery deployment description destination detail device ' +
  'discount document driver duration element employee endpoint environment event example export feature filter folder format function gateway ' +
  'graph group header history import index ingredient inventory invoice journey keyboard language latency layout level library limit listing ' +
  'location machine manager material measure member message metric middleware migration mobile module monitor mountain navigation network ' +
  'notebook notification object offer operator option order organisation package page parameter partner payment performance period permission ' +
  'platform policy position preference price priority process product profile project promotion property provider quality quantity quarter query ' +
  'rating reason receipt record refund region registry release replica report request resource response restaurant result retail review route ' +
  'schedule schema season section segment sensor service session setting shipping signal size source status storage street summary supplier ' +
  'support symbol system table target template terminal threshold ticket timeline transaction transfer transport travel update upload usage ' +
  'user value variant vehicle vendor version view virtual volume voucher warehouse weather website weekend window workflow workspace'
).split(' ');

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.127 Safari/537.36 Edg/126.0.2592.87',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'okhttp/4.12.0',
  'aws-sdk-js/3.600.0 ua/2.0 os/linux#6.1.90-99.173.amzn2023.x86_64 lang/js md/nodejs#20.14.0 api/s3#3.600.0 m/N',
  'kube-probe/1.29+',
  'Prometheus/2.53.0',
  'grpc-node-js/1.10.9',
];

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function lottery(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Pieces = ReturnType<typeof pieces>;

function pieces(random: () => number) {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const words = (count: number, separator = ' '): string =>
    Array.from({ length: count }, () => pick(WORDS)).join(separator);
  const hex = (length: number): string => Array.from({ length }, () => below(16).toString(16)).join('');
  const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);
  const clockMs = (): number => 1_690_000_000_000 + below(150_000_000_000);
  const iso = (): string => new Date(clockMs()).toISOString();
  const crockford = (length: number): string =>
    Array.from({ length }, () => pick([...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'])).join('');
  return {
    below,
    pick,
    words,
    hex,
    clockMs,
    iso,
    camel: (count: number): string =>
      words(1) +
      words(count - 1)
        .split(' ')
        .map(capital)
        .join(''),
    sentence: (): string => `${capital(words(4 + below(12)))}.`,
    uuid: (): string => `${hex(8)}-${hex(4)}-4${hex(3)}-${pick(['8', '9', 'a', 'b'])}${hex(3)}-${hex(12)}`,
    ulid: (): string => `01${crockford(24)}`,
    price: (): string => (below(100_000) / 100).toFixed(2),
    sha: (algorithm: string): string => createHash(algorithm).update(hex(16)).digest('hex'),
    integrity: (): string => `sha512-${createHash('sha512').update(hex(16)).digest('base64')}`,
    image: (): string =>
      `data:image/png;base64,iVBORw0KGgo${createHash('sha512').update(hex(16)).digest('base64').repeat(3).replaceAll('=', '')}==`,
    barcode: (): string => {
      const digits = `40${String(below(10_000_000_000)).padStart(10, '0')}`;
      const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
      return digits + String((10 - (sum % 10)) % 10);
    },
  };
}

const catalogue = (of: Pieces): string =>
  JSON.stringify({
    id: of.uuid(),
    ean: of.barcode(),
    sku: `${of.words(1).slice(0, 3).toUpperCase()}-${of.below(10_000)}-${of.hex(4).toUpperCase()}`,
    slug: `${of.words(4, '-')}-${of.below(1000)}`,
    name: of.words(3),
    text: of.sentence(),
    price: Number(of.price()),
    stock: of.below(1000),
    createdAt: of.iso(),
    updated: of.clockMs(),
    micros: of.clockMs() * 1000 + of.below(1000),
    ratio: of.below(1e9) / 1.7e9,
    etag: `"${of.hex(32)}"`,
    links: [
      `https://${of.words(1)}.example/api/v${of.below(4)}/${of.words(3, '/')}/${of.uuid()}?page=${of.below(90)}&sort=-${of.words(1)}`,
    ],
    shop: {
      street: `${of.words(1)} street ${of.below(300)}`,
      zip: String(10_000 + of.below(90_000)),
      city: of.words(1),
      at: [of.below(9e6) / 1e5, of.below(9e6) / 1e5],
    },
  });

const page = (of: Pieces): string =>
  `<div class="Mui${of.camel(3)}-root css-${of.hex(6)} ${of.words(2, '__')}--${of.words(1)}" data-id="${of.ulid()}" style="margin:0 ${of.below(40)}px">` +
  `<script src="/static/js/${of.words(1)}.${of.hex(8)}.chunk.js" integrity="${of.integrity()}"></script>` +
  `<img src="${of.image()}" alt="${of.words(3)}"><p>${of.sentence()} &copy; ${2000 + of.below(27)}</p>` +
  `<svg viewBox="0 0 ${of.below(900)} ${of.below(900)}"><path d="M${of.below(900)}v${of.below(900)}h${of.below(900)}v40h-${of.below(900)}V13h${of.below(900)}z"/></svg></div>`;

const log = (of: Pieces): string =>
  `${of.iso()} INFO [${of.words(1)}-${of.below(40)}] ${of.camel(3)}: ${of.words(4)} took ${of.below(9000)}ms traceparent=00-${of.hex(32)}-${of.hex(16)}-01 commit ${of.sha('sha1')} ` +
  `10.${of.below(256)}.${of.below(256)}.${of.below(256)}:${1024 + of.below(60_000)} "GET /${of.words(3, '/')}/${of.below(1e6)} HTTP/1.1" ${of.pick([200, 204, 301, 404, 503])} ${of.below(1e6)} "${of.pick(AGENTS)}"`;

const table = (of: Pieces): string =>
  [
    of.below(1e9),
    of.words(2),
    of.price(),
    of.iso().slice(0, 10),
    of.uuid(),
    of.pick(['true', 'false']),
    of.sha('md5'),
    of.words(1, '_'),
    `${of.below(100)}%`,
    of.clockMs(),
  ].join(',');

const script = (of: Pieces): string =>
  `const ${of.camel(2)} = async (${of.camel(2)}) => { if (${of.camel(3)}.${of.camel(2)} === ${of.below(999)}) return ${of.words(1).toUpperCase()}_${of.words(2, '_').toUpperCase()}; ` +
  `import { ${of.camel(3)} } from '@${of.words(1)}/${of.words(2, '-')}/v${of.below(9)}.${of.below(20)}.${of.below(20)}-beta.${of.below(9)}'; /* ${of.sentence()} */ };`;

const statement = (of: Pieces): string =>
  `SELECT t.${of.words(2, '_')}, COUNT(*) AS n FROM ${of.words(2, '_')}_${2000 + of.below(27)} t WHERE t.id IN ('${of.uuid()}', '${of.ulid()}') AND t.created_at > '${of.iso()}' ` +
  `AND t.amount BETWEEN ${of.price()} AND ${of.price()} ORDER BY ${of.words(1)} LIMIT ${of.below(100)} OFFSET ${of.below(1e5)};`;

const metrics = (of: Pieces): string =>
  `${of.words(3, '_')}_seconds_bucket{le="${of.below(10)}.5",pod="${of.words(2, '-')}-${of.hex(10)}-${of.pick(['x7k2p', 'b9q4z'])}"} ${of.below(1e12)} ${of.clockMs()}`;

const headers = (of: Pieces): string =>
  `Content-Type: application/vnd.${of.words(2, '.')}+json; charset=utf-8\r\nETag: W/"${of.hex(2)}-${createHash('sha1').update(of.hex(8)).digest('base64').slice(0, 27)}"\r\n` +
  `User-Agent: ${of.pick(AGENTS)}\r\nX-Request-Id: ${of.uuid()}\r\nContent-MD5: ${of.hex(32)}\r\nAge: ${of.below(1e5)}\r\nDate: Sat, 21 Nov 2026 10:${10 + of.below(50)}:00 GMT`;

/** The kinds of clean text. */
export const CLEAN_TEXTS = { catalogue, page, log, table, script, statement, metrics, headers } as const;

/** Texts of one kind until they have so many characters together. */
export function cleanTexts(kind: keyof typeof CLEAN_TEXTS, characters: number, seed: number): string[] {
  const of = pieces(lottery(seed));
  const texts: string[] = [];
  for (let total = 0; total < characters; total += texts.at(-1)!.length) texts.push(CLEAN_TEXTS[kind](of));
  return texts;
}
