// What of all mocks must be known before a request is whole or when none matches it: which calls are conversations, and which
// recorded entities there are. Filled while the mocks are loaded; it keeps numbers, never mocks.
import type { Mock, ResponderPlan } from '@echoplane/traffic';
import { Generalizer } from './generalized.ts';

export class Survey {
  readonly generalizer: Generalizer;
  /** Calls in which the server answered before the client had said all, by host and path. */
  readonly #conversations = new Map<string, number[]>();

  /** Throws FilterError when a parameter's `when` is not an expression. */
  constructor(generalize: ResponderPlan['generalize'] = []) {
    this.generalizer = new Generalizer(generalize);
  }

  /** Takes in a mock under its number. */
  add(n: number, mock: Mock): void {
    this.generalizer.add(n, mock);
    if (mock.protocol !== 'grpc' || !isConversation(mock)) return;
    const { 'path[0]': service = '""', 'path[1]': method = '""' } = mock.signature;
    const route = routeOf(mock.host, `/${JSON.parse(service)}/${JSON.parse(method)}`);
    const numbers = this.#conversations.get(route) ?? [];
    this.#conversations.set(route, numbers);
    numbers.push(n);
  }

  /** The recorded conversations of a call, by number in recorded order; `path`: `/package.Service/Method`. */
  conversations(host: string, path: string): readonly number[] {
    return this.#conversations.get(routeOf(host, path)) ?? [];
  }
}

function routeOf(host: string, path: string): string {
  return `${host.toLowerCase()} ${path}`;
}

function isConversation({ messages = [] }: Mock): boolean {
  const firstAnswer = messages.findIndex(({ from }) => from === 'server');
  return firstAnswer >= 0 && messages.slice(firstAnswer).some(({ from }) => from === 'client');
}
