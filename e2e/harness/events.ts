/** One server-sent event: its id, its type if any, and its data. */
interface ServerEvent {
  id: string | null;
  event: string | null;
  data: string;
}

export interface EventStream {
  status: number;
  events: ServerEvent[];
  /** Resolves with the first event, past or future, that matches. Rejects when the stream ends first. */
  until(fits: (event: ServerEvent) => boolean): Promise<ServerEvent>;
  close(): void;
}

/** Opens an event stream as a browser's EventSource does, but with headers. */
export async function openEvents(url: string, headers: Record<string, string>): Promise<EventStream> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const events: ServerEvent[] = [];
  let notify = () => {};
  let ended = response.status !== 200;
  if (!ended && response.body) {
    const body = response.body.pipeThrough(new TextDecoderStream());
    void (async () => {
      let rest = "";
      for await (const chunk of body) {
        const parts = (rest + chunk).split("\n\n");
        rest = parts.pop() ?? "";
        events.push(...parts.map(parse).filter((event) => event !== null));
        notify();
      }
    })()
      .catch(() => {})
      .finally(() => {
        ended = true;
        notify();
      });
  } else {
    await response.body?.cancel();
  }
  return {
    status: response.status,
    events,
    async until(fits) {
      for (;;) {
        const found = events.find(fits);
        if (found) return found;
        if (ended) throw new Error(`the stream ended; the last events were ${JSON.stringify(events.slice(-3))}`);
        await new Promise<void>((resolve) => {
          notify = resolve;
        });
      }
    },
    close: () => abort.abort(),
  };
}

function parse(part: string): ServerEvent | null {
  const event: ServerEvent = { id: null, event: null, data: "" };
  for (const line of part.split("\n")) {
    if (line.startsWith("id: ")) event.id = line.slice(4);
    else if (line.startsWith("event: ")) event.event = line.slice(7);
    else if (line.startsWith("data: ")) event.data += line.slice(6);
  }
  return event.data === "" ? null : event;
}
