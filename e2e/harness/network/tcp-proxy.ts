import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { messageFilter } from "./redis-replies.ts";

/**
 * `pass`: forwards everything. `blackHole`: connections stay open and nothing gets through until the mode changes; then
 * everything arrives late, because TCP loses nothing within a stream. `reset`: every connection is reset, new ones too.
 */
type ProxyMode = "pass" | "blackHole" | "reset";

/** A network between two processes that tests can break. */
export interface TcpProxy {
  port: number;
  set(mode: ProxyMode): void;
  /**
   * The next `times` requests that contain these bytes reach the server, and the connection is reset before the answer: the
   * request took effect, and the client does not know.
   */
  cutAnswerTo(bytes: string, times: number): void;
  /** The number of answers that were cut. */
  cuts(): number;
  /** Published messages of Redis that contain these bytes are dropped; null drops none. */
  dropMessagesWith(bytes: string | null): void;
  /** The number of dropped messages. */
  drops(): number;
  close(): Promise<void>;
}

async function startTcpProxy(target: { host: string; port: number; isRedis?: boolean }): Promise<TcpProxy> {
  const pairs = new Set<{ near: Socket; far: Socket }>();
  /** The bytes received during a black hole, by connection. */
  const holds = new Set<{ to: Socket; data: Buffer }[]>();
  let mode: ProxyMode = "pass";
  let cut: { bytes: string; times: number } | null = null;
  let cuts = 0;
  let dropped: string | null = null;
  let drops = 0;

  const server = createServer((near) => {
    if (mode === "reset") return void near.resetAndDestroy();
    const far = connect(target);
    const pair = { near, far };
    pairs.add(pair);
    let cutting = false;
    const held: { to: Socket; data: Buffer }[] = [];
    holds.add(held);
    const passOn = messageFilter((message) => {
      const drop = dropped !== null && message.includes(dropped);
      if (drop) drops += 1;
      return drop;
    });
    near.on("data", (data) => {
      if (mode === "blackHole") return void held.push({ to: far, data });
      if (cut && cut.times > 0 && data.includes(cut.bytes)) {
        cut.times -= 1;
        cutting = true;
      }
      far.write(data);
    });
    far.on("data", (data) => {
      if (mode === "blackHole") return void held.push({ to: near, data: target.isRedis ? passOn(data) : data });
      if (cutting) {
        cuts += 1;
        near.resetAndDestroy();
        far.destroy();
        return;
      }
      near.write(target.isRedis ? passOn(data) : data);
    });
    const end = () => {
      pairs.delete(pair);
      holds.delete(held);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      socket.on("error", end);
      socket.on("close", end);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      mode = next;
      if (next === "pass") for (const held of holds) for (const { to, data } of held.splice(0)) to.write(data);
      if (next === "reset") for (const { near } of pairs) near.resetAndDestroy();
    },
    cutAnswerTo(bytes, times) {
      cut = { bytes, times };
    },
    cuts: () => cuts,
    dropMessagesWith(bytes) {
      dropped = bytes;
    },
    drops: () => drops,
    async close() {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Starts a proxy for the server of a URL. */
export async function proxyBefore(url: string): Promise<TcpProxy> {
  const { hostname: host, port, protocol } = new URL(url);
  return await startTcpProxy({ host, port: Number(port), isRedis: protocol.startsWith("redis") });
}

/** The same URL, through a proxy. */
export function through(url: string, proxy: TcpProxy): string {
  const by = new URL(url);
  by.hostname = "127.0.0.1";
  by.port = String(proxy.port);
  return by.href;
}
