// A body to read: pretty JSON or text, or bytes as hex or base64, with its size, its coding and a button to copy it.
import type { Body } from '@echoplane/traffic';
import {
  ActionIcon,
  Box,
  Button,
  Code,
  CopyButton,
  Group,
  SegmentedControl,
  Text,
  Tooltip,
} from '@mantine/core';
import { useMemo, useState } from 'react';
import { formatBytes } from '../format.ts';
import { jsonTokens, type ReadableBody, readableBody } from '../readable-body.ts';
import classes from './body-view.module.css';
import { CheckIcon, CopyIcon } from './icons.tsx';

/** Characters shown at once; the rest on demand, so that a large body does not stall the page. */
const SHOWN_CHARS = 100_000;

export function BodyView({ name, body }: { name: string; body: Body }) {
  const readable = useMemo(() => readableBody(body), [body]);
  const views = viewsOf(readable);
  const [chosen, setChosen] = useState(views[0]?.name ?? '');
  const [whole, setWhole] = useState(false);
  const view = views.find((v) => v.name === chosen) ?? views[0];
  const shown = view && !whole ? view.text.slice(0, SHOWN_CHARS) : (view?.text ?? '');
  return (
    <Box role="group" aria-label={name}>
      <Group gap="xs" mb={4} mih={28}>
        <Text size="xs" fw={600}>
          Body
        </Text>
        <Text size="xs" c="dimmed">
          {describeSize(body)}
        </Text>
        <Group gap="xs" ml="auto">
          {views.length > 1 && (
            <SegmentedControl
              aria-label={`${name} as`}
              data={views.map((v) => v.name)}
              value={view?.name ?? ''}
              onChange={setChosen}
            />
          )}
          {view && <CopyBody name={name} text={view.text} />}
        </Group>
      </Group>
      {view ? (
        <Code
          block
          className={classes.text ?? ''}
          data-aligned={view.name === 'Hex' || undefined}
          tabIndex={0}
          mah={420}
        >
          {view.name === 'Pretty' && shown.length === view.text.length ? <Json text={shown} /> : shown}
        </Code>
      ) : (
        <Text size="xs" c="dimmed">
          {readable.kind === 'absent' ? describeAbsence(readable.ref) : 'Empty'}
        </Text>
      )}
      {view && shown.length < view.text.length && (
        <Button variant="subtle" mt={4} onClick={() => setWhole(true)}>
          Show all of it
        </Button>
      )}
    </Box>
  );
}

function viewsOf(body: ReadableBody): { name: string; text: string }[] {
  switch (body.kind) {
    case 'json':
      return [
        { name: 'Pretty', text: body.pretty },
        { name: 'Raw', text: body.raw },
      ];
    case 'text':
      return [{ name: 'Text', text: body.raw }];
    case 'binary':
      return [
        { name: 'Hex', text: body.hex },
        { name: 'Base64', text: body.base64 },
      ];
    default:
      return [];
  }
}

function describeSize(body: Body): string {
  const size = formatBytes(body.size);
  if (body.encoding === 'identity' || body.encoding === '') return size;
  return `${size}, ${body.encoding}${body.decoded === undefined ? '' : ', shown decoded'}`;
}

function describeAbsence(ref: string | null): string {
  return ref === null ? 'The bytes were not kept.' : `Kept as an object of its own: ${ref}`;
}

function CopyBody({ name, text }: { name: string; text: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : 'Copy'}>
          <ActionIcon
            aria-label={copied ? `Copied: ${name}` : `Copy: ${name}`}
            color={copied ? 'green' : 'gray'}
            onClick={copy}
          >
            {copied ? <CheckIcon /> : <CopyIcon />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

function Json({ text }: { text: string }) {
  const tokens = useMemo(() => jsonTokens(text), [text]);
  return tokens.map((token, index) =>
    token.kind === 'plain' ? (
      token.text
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text never move.
      <span key={index} className={classes[token.kind]}>
        {token.text}
      </span>
    ),
  );
}
