// What the lifecycle of replays takes of the operator's context, so that tests need to make no more.
import type { OperatorContext } from '../context.ts';

export type ReplayContext = Pick<
  OperatorContext,
  'client' | 'cloud' | 'forwarder' | 'events' | 'clock' | 'log' | 'install'
> & { config: Pick<OperatorContext['config'], 'namespace'> };
