import { Agent, createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { Queue, Worker } from "bullmq";
import fastify from "fastify";
import { Redis } from "ioredis";
import { type WebSocket, WebSocketServer } from "ws";

/*
 * Our architecture with nothing done to it, as three processes: an API that puts turns into BullMQ, a worker that publishes each
 * token, a gateway that subscribes to each watched session. The conversation is a list in Redis. No database, no users, no
 * ownership, no resume, no tools. What the product takes beyond it is the price of what it guarantees.
 */
const { ROLE, REDIS_PORT, REDIS_PASSWORD, MODEL_URL } = process.env;
const server = { host: "127.0.0.1", port: Number(REDIS_PORT), ...(REDIS_PASSWORD && { password: REDIS_PASSWORD }) };
const connection = { ...server, maxRetriesPerRequest: null };
const redis = new Redis(connection);
const listen = { port: 0, host: "127.0.0.1", backlog: 4096 };
const ready = (address: unknown) => process.send?.({ port: (address as AddressInfo).port });
process.once("disconnect", () => process.exit());

async function serveApi(): Promise<void> {
  const queue = new Queue("turns", { connection });
  const app = fastify();
  app.post<{ Params: { id: string }; Body: { content: string } }>("/sessions/:id/messages", async (asked, reply) => {
    const { id } = asked.params;
    await redis.rpush(`messages:${id}`, JSON.stringify({ role: "user", content: asked.body.content }));
    await queue.add("turn", { id }, { removeOnComplete: true, removeOnFail: true });
    return reply.code(202).send({});
  });
  await app.listen(listen);
  ready(app.server.address());
}

function runTurns(): void {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const publish = (id: string, frame: object) => redis.publish(`session:${id}`, JSON.stringify(frame));
  new Worker<{ id: string }>(
    "turns",
    async ({ data: { id } }) => {
      const messages = (await redis.lrange(`messages:${id}`, 0, -1)).map((message) => JSON.parse(message));
      const headers = { "content-type": "application/json" };
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = request(`${MODEL_URL}/v1/chat/completions`, { method: "POST", agent, headers });
        sent.on("response", resolve).on("error", reject);
        sent.end(JSON.stringify({ model: "bench", stream: true, messages }));
      });
      let [text, rest] = ["", ""];
      response.setEncoding("utf8");
      for await (const part of response) {
        const lines = (rest + part).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (!line.startsWith("data: {")) continue;
          const token = JSON.parse(line.slice(6)).choices[0]?.delta.content;
          if (!token) continue;
          text += token;
          void publish(id, { type: "delta", session: id, text: token });
        }
      }
      await redis.rpush(`messages:${id}`, JSON.stringify({ role: "assistant", content: text }));
      await publish(id, { type: "done", session: id });
    },
    { connection, concurrency: 2_000 },
  );
  ready({ port: 0 });
}

async function serveSockets(): Promise<void> {
  // Redis closes a subscriber that is 32 MB behind, or 8 MB for a minute, and what it had not sent is lost. Nothing repairs that here, so
  // that this peer may be behind without a limit.
  await redis.config("SET", "client-output-buffer-limit", "pubsub 0 0 0");
  const sessions = new Map<string, Set<WebSocket>>();
  const server = createServer();
  new WebSocketServer({ server, perMessageDeflate: false }).on("connection", async (socket, { url }) => {
    const channel = `session:${url?.slice(1)}`;
    const sockets = sessions.get(channel) ?? new Set();
    sessions.set(channel, sockets.add(socket));
    socket.on("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0 && sessions.delete(channel)) void redis.unsubscribe(channel);
    });
    await redis.subscribe(channel);
    socket.send('{"type":"ready"}');
  });
  redis.on("message", (channel, message) => {
    for (const socket of sessions.get(channel) ?? []) socket.send(message);
  });
  server.listen(listen, () => ready(server.address()));
}

if (ROLE === "api") await serveApi();
else if (ROLE === "worker") runTurns();
else await serveSockets();
