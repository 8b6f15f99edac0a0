/** A load generator in a process of its own, asked and answered over Node's IPC channel, one question at a time. */
import { fork } from 'node:child_process';

export interface LoadProcess<Question, Answer> {
  readonly pid: number;
  /** Throws where the load fails at it or has ended. */
  ask(question: Question): Promise<Answer>;
  stop(): Promise<void>;
}

type Reply = { readonly ok: true; readonly answer: unknown } | { readonly ok: false; readonly error: string };

export function startLoad<Question extends object, Answer>(module: URL): LoadProcess<Question, Answer> {
  const child = fork(module, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid ?? 0,
    async ask(question) {
      const reply = await Promise.race([
        new Promise<Reply>((resolve) => {
          child.once('message', (message) => resolve(message as Reply));
          child.send(question);
        }),
        ended.then((): Reply => ({ ok: false, error: 'the load generator has ended' })),
      ]);
      if (!reply.ok) throw new Error(reply.error);
      return reply.answer as Answer;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The other side: answers each question with what `answer` makes of it. */
export function answerQuestions(answer: (question: never) => unknown): void {
  process.on('message', (question) => {
    void Promise.resolve()
      .then(() => answer(question as never))
      .then(
        (value): Reply => ({ ok: true, answer: value }),
        (error: unknown): Reply => ({
          ok: false,
          error: error instanceof Error ? (error.stack ?? '') : String(error),
        }),
      )
      .then((reply) => process.send?.(reply));
  });
  // The measuring process may be gone before it could say so.
  process.on('disconnect', () => process.exit());
}
