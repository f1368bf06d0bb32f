/** Runs a part of a run to its end and gives what the part gives. */
export async function drain<R>(events: AsyncGenerator<unknown, R, void>): Promise<R> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) return value;
  }
}
