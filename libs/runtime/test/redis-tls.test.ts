import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import type { Server } from "@boocode/backing-services";
import { type RedisCluster, startRedisCluster, testRedis } from "@boocode/backing-services/testing";
import {
  connectRedis,
  connectRedisBlocking,
  connectRedisSubscriber,
  type Redis,
  type RedisConfig,
  untilRedisReady,
  withConnectionFailure,
} from "@boocode/runtime";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

/** The certificate is its own authority, and for localhost and 127.0.0.1. */
const file = (name: string) => fileURLToPath(new URL(`tls/${name}.pem`, import.meta.url));
const TLS: Partial<RedisConfig> = {};

let cluster: RedisCluster;
let server: Server;
let sentinel: Server;
/** The TLS ports; each server also has a port without TLS. */
let [port, sentinelPort] = [0, 0];

beforeAll(async () => {
  Object.assign(TLS, {
    REDIS_TLS_CA: readFileSync(file("cert"), "utf8"),
    REDIS_TLS_CERT: readFileSync(file("cert"), "utf8"),
    REDIS_TLS_KEY: readFileSync(file("key"), "utf8"),
  });
  [port, sentinelPort] = [await freePort(), await freePort()];
  const withTls = (at: number) => [
    ...[`tls-port ${at}`, `tls-cert-file ${file("cert")}`, `tls-key-file ${file("key")}`],
    ...[`tls-ca-cert-file ${file("cert")}`, "tls-auth-clients yes"],
  ];
  cluster = await startRedisCluster(1, 0, [...withTls(port), "tls-cluster yes"]);
  server = cluster.nodes[0] as Server;
  const watched = [
    `sentinel monitor main 127.0.0.1 ${new URL(server.url).port} 1`,
    `sentinel auth-pass main ${cluster.password}`,
    ...withTls(sentinelPort),
  ];
  sentinel = await testRedis({ password: "sentinel", sentinel: true, config: () => watched });
});
afterAll(async () => {
  await sentinel.stop();
  await cluster.stop();
});

async function freePort(): Promise<number> {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port: found } = free.address() as AddressInfo;
  free.close();
  return found;
}

function opened<R extends Redis>(redis: R): R {
  onTestFinished(() => redis.disconnect());
  return redis;
}

const forms: [string, () => Partial<RedisConfig> & { REDIS_URL: string }][] = [
  ["one server", () => ({ ...TLS, REDIS_URL: `rediss://:cluster@localhost:${port}` })],
  ["a cluster", () => ({ ...TLS, REDIS_URL: `rediss+cluster://:cluster@localhost:${port}` })],
  [
    "a master behind a Sentinel with a password of its own, both of which are reached elsewhere than they announce",
    () => ({
      ...TLS,
      REDIS_URL: `rediss+sentinel://:cluster@localhost:${sentinelPort}/main`,
      REDIS_SENTINEL_PASSWORD: "sentinel",
      REDIS_NAT_MAP: { [`127.0.0.1:${new URL(server.url).port}`]: { host: "localhost", port } },
    }),
  ],
];

test.each(forms)(
  "over TLS with a private authority and a client certificate, all connections reach %s",
  async (_what, config) => {
    const [redis, blocking] = [opened(connectRedis(config())), opened(connectRedisBlocking(config()))];
    const subscriber = opened(connectRedisSubscriber(config()));
    await Promise.all([redis, blocking, subscriber].map((connection) => untilRedisReady(connection, 10_000)));
    await redis.rpush("list", "served");
    expect(await blocking.blpop("list", 0)).toEqual(["list", "served"]);
    await subscriber.subscribe("channel");
    const heard = once(subscriber, "message");
    await redis.publish("channel", "hello");
    expect(await heard).toEqual(["channel", "hello"]);
  },
);

test.each<[string, Partial<RedisConfig>, RegExp]>([
  ["an authority that Node does not know", { REDIS_TLS_CA: undefined }, /self-signed certificate/],
  ["a certificate for another name", { REDIS_TLS_SERVER_NAME: "redis.example" }, /redis\.example/],
  [
    "no client certificate",
    { REDIS_TLS_CERT: undefined, REDIS_TLS_KEY: undefined },
    /certificate required|ECONNRESET|closed|EPIPE/,
  ],
])("%s is refused, and the readiness check says why", async (_what, differs, reason) => {
  for (const [, config] of forms.slice(0, 2)) {
    const redis = opened(connectRedis({ ...config(), ...differs }));
    const check = () => withConnectionFailure(redis, () => redis.ping());
    await expect.poll(() => check().catch((error: Error) => error.message), { timeout: 10_000 }).toMatch(reason);
  }
});

test("a server name that the certificate has is enough, and `ssl_cert_reqs=none` accepts any certificate", async () => {
  const { REDIS_TLS_CA: _, ...noAuthority } = TLS;
  for (const config of [
    { ...TLS, REDIS_URL: `rediss://:cluster@127.0.0.1:${port}`, REDIS_TLS_SERVER_NAME: "localhost" },
    { ...noAuthority, REDIS_URL: `rediss://:cluster@127.0.0.1:${port}?ssl_cert_reqs=none` },
  ]) {
    const redis = opened(connectRedis(config));
    await untilRedisReady(redis, 10_000);
  }
});

test("a wrong password of the Sentinel is reported", async () => {
  const config = { ...(forms[2] as (typeof forms)[0])[1](), REDIS_SENTINEL_PASSWORD: "wrong" };
  const redis = opened(connectRedis(config));
  const check = () => withConnectionFailure(redis, () => redis.ping());
  await expect
    .poll(() => check().catch((error: Error) => error.message), { timeout: 10_000 })
    .toMatch(/WRONGPASS|NOAUTH/);
});
