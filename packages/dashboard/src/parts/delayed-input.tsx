// A text field whose value counts when the typing pauses, on Enter, or when it is left: not with every key.
import { Autocomplete, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';

const PAUSE_MS = 400;

interface DelayedInputProps {
  label: string;
  placeholder: string;
  value: string;
  onCommit: (value: string) => void;
  /** What to propose while typing. */
  options?: string[];
  width: number;
  /** Takes whole numbers; anything else is shown as wrong and counts as empty. */
  numeric?: boolean;
}

export function DelayedInput({
  label,
  placeholder,
  value,
  onCommit,
  options,
  width,
  numeric = false,
}: DelayedInputProps) {
  const [text, setText] = useState(value);
  const committed = useRef(value);
  useEffect(() => {
    // Changed from outside: cleared, or the browser's back button. What is being typed stays.
    if (value !== committed.current) setText(value);
    committed.current = value;
  }, [value]);

  const isWrong = (next: string) => numeric && !/^\d*$/.test(next.trim());
  const commit = (next: string) => {
    const clean = isWrong(next) ? '' : next.trim();
    if (clean === committed.current) return;
    committed.current = clean;
    onCommit(clean);
  };
  const commitLater = useDebouncedCallback(commit, PAUSE_MS);
  const change = (next: string) => {
    setText(next);
    commitLater(next);
  };
  const field = {
    'aria-label': label,
    placeholder,
    value: text,
    w: width,
    onBlur: () => commit(text),
    onKeyDown: (event: KeyboardEvent) => event.key === 'Enter' && commit(text),
  };
  if (options)
    return (
      <Autocomplete {...field} data={options} onChange={change} comboboxProps={{ width: 'max-content' }} />
    );
  return (
    <TextInput
      {...field}
      inputMode={numeric ? 'numeric' : 'text'}
      error={isWrong(text)}
      title={isWrong(text) ? 'A whole number, for example 250' : undefined}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
