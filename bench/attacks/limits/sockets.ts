import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { rounded, runAttack } from "../fair-shares/run-attack.ts";
import { openSocket } from "./open-socket.ts";

/*
 * `npm run build && npm run bench -- attacks/limits/sockets`
 *
 * Three attacks from one address on a gateway of 200 places with the default limits: 500 sockets with a bogus ticket that answer no
 * close frame, 300 sockets of one user, and floods of pings on 20 sockets of one user; what is closed is opened again. Prints for each
 * how many of 200 sockets of another user are served, and the p99 of the time to join, as a ratio to that before. Goals: 200, and at
 * most 2.
 */
const [JOINS, GAP_MS, IN_TIME_MS] = [200, 10, 5_000];

interface Attacker {
  opened: number;
  held: number;
  served: number;
  written: number;
}

await runAttack(
  { workerSlots: 4, userLimits: "{}", env: { MAX_CONNECTIONS: "200" } },
  async ({ gatewayUrl, newAccount }) => {
    const url = gatewayUrl;
    async function pathOf(name: string): Promise<{ token: string; path: string }> {
      const { token, newSession } = await newAccount(name);
      return { token, path: `/api/ws/sessions/${await newSession()}` };
    }

    /** @returns the ms until the session was joined; null: it was not */
    async function join(user: { token: string; path: string }): Promise<number | null> {
      const start = performance.now();
      const socket = openSocket(url, { ...user, from: "127.0.0.1" });
      const joined = new Promise<number>((resolve) => {
        let text = "";
        socket.on("data", (data) => {
          text += data.toString("latin1");
          if (text.includes('"subscribed"')) resolve(performance.now() - start);
        });
      });
      const ended = once(socket, "close").then(() => null);
      const ms = await Promise.race([joined, ended, sleep(IN_TIME_MS, null)]);
      socket.destroy();
      return ms;
    }
    async function joinSome(name: string): Promise<{ served: number; median: number; p99: number }> {
      const user = await pathOf(name);
      const times: number[] = [];
      for (let n = 0; n < JOINS; n++) {
        const ms = await join(user);
        if (ms !== null) times.push(ms);
        await sleep(GAP_MS);
      }
      const sorted = times.toSorted((a, b) => a - b);
      const [middle, last] = [sorted[sorted.length >> 1], sorted[Math.floor(sorted.length * 0.99)]];
      return { served: times.length, median: middle ?? Number.NaN, p99: last ?? Number.NaN };
    }

    await joinSome("warm");
    const result: Record<string, unknown> = { name: "sockets", goal: 2 };
    for (const kind of ["bogus-tickets", "many-sockets", "pings"]) {
      const idle = await joinSome(`before ${kind}`);
      const attacker = await pathOf(kind);
      const child = fork(new URL("attack-sockets.ts", import.meta.url), [kind, url, attacker.path, attacker.token]);
      let state: Attacker | null = null;
      let most = 0;
      child.on("message", (message: Attacker) => {
        state = message;
        most = Math.max(most, message.served);
      });
      try {
        await sleep(2_000);
        const { served, median, p99 } = await joinSome(`during ${kind}`);
        result[kind] = {
          ...{ served: `${served} of ${JOINS}`, idle_p99_ms: rounded(idle.p99) },
          ...{ ratio: rounded(p99 / idle.p99), median_ratio: rounded(median / idle.median) },
          attacker: { ...(state as Attacker | null), served_at_once: most },
        };
      } finally {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      await sleep(500);
    }
    return result;
  },
);
process.exit();
