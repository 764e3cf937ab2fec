/** The deadline passed without an answer. The operation may or may not have happened. */
export class DeadlineExceeded extends Error {
  override name = "DeadlineExceeded";
}

/** Waits for a promise for at most `ms`. @throws DeadlineExceeded */
export async function withDeadline<T>(ms: number, what: string, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceeded(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
