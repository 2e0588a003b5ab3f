// The contract between the exam and a service that takes it: how it is installed, started on an empty database, and used.
// docs/exam.md says it in prose. A service knows nothing of Echoplane.
import type { Install } from './install.ts';
import type { Launch } from './launch.ts';

export interface ExamService {
  /** Letters, digits and dashes: names its folder, its recording and its line in the result. */
  name: string;
  /** What kind of service it is, for the reader: `GraphQL (Node, PostgreSQL)`. */
  kind: string;
  /** Puts it into `cache` (a folder of its own, kept between runs), from a package registry. Called before every run. */
  install(cache: string, tools: Install): Promise<void>;
  /** Starts it with an empty database and resolves once it answers. Called once for the recording, once for each replay. */
  start(place: StartPlace): Promise<{ stop(): Promise<void> }>;
  /**
   * Uses it as real clients would: several users, some at once, at least a hundred requests, other data in every run.
   * Throws when the service does not behave. `note` tells the reader what is done; `cache` is the folder
   * that `install` filled, with a client library perhaps.
   */
  drive(baseUrl: string, note: (text: string) => void, cache: string): Promise<void>;
}

export interface StartPlace {
  /** Port on 127.0.0.1 to listen on. */
  port: number;
  /** An empty folder of this start alone. */
  dir: string;
  /** The folder that `install` filled. */
  cache: string;
  /** Runs programs that end with the exam. */
  tools: Launch;
}
