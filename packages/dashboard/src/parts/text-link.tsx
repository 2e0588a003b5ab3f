// A link to a place in the dashboard, in running text.
import { Anchor, type AnchorProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { AnchorHTMLAttributes } from 'react';

type TextAnchorProps = AnchorProps & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof AnchorProps>;

function TextAnchor(props: TextAnchorProps) {
  return <Anchor size="sm" {...props} />;
}

export const TextLink = createLink(TextAnchor);
