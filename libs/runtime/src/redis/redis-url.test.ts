import { expect, test } from "vitest";
import { parseRedisUrl } from "./redis-url.ts";

const plain = {
  ...{ mode: "single", tls: false, sentinelTls: false, anyCertificate: false, db: 0, family: 0, ignored: [] },
  hosts: [{ host: "h", port: 6379 }],
};

test.each<[string, object]>([
  ["redis://h", {}],
  ["REDIS://h/", {}],
  [" redis://h\r\n", {}],
  ["redis://", { hosts: [{ host: "localhost", port: 6379 }] }],
  ["redis://:7000", { hosts: [{ host: "localhost", port: 7000 }] }],
  ["redis://:p%40%2f@h:1/2", { password: "p@/", hosts: [{ host: "h", port: 1 }], db: 2 }],
  ["redis://u:a@b@h", { username: "u", password: "a@b" }],
  ["redis://u@h", { username: "u" }],
  ["redis://u:p:q@h?db=3", { username: "u", password: "p:q", db: 3 }],
  ["redis://[::1]:7?family=6", { hosts: [{ host: "::1", port: 7 }], family: 6 }],
  ["rediss://h", { tls: true, sentinelTls: true }],
  ["rediss://h?ssl_cert_reqs=none", { tls: true, sentinelTls: true, anyCertificate: true }],
  ["rediss://h?ssl_cert_reqs=CERT_REQUIRED", { tls: true, sentinelTls: true }],
  ["redis://h?name=x&protocol=3", { ignored: ["name", "protocol"] }],
])("%s is one server", (url, differs) => {
  expect(parseRedisUrl(url)).toEqual({ ...plain, ...differs });
});

test.each<[string, object]>([
  ["redis+cluster://h", {}],
  ["redis-cluster://h/0", {}],
  ["rediss+cluster://u:p@h", { tls: true, sentinelTls: true, username: "u", password: "p" }],
  ["redis+cluster://h, [fd00::2]:7002", { hosts: [...plain.hosts, { host: "fd00::2", port: 7002 }] }],
])("%s is a cluster", (url, differs) => {
  expect(parseRedisUrl(url)).toEqual({ ...plain, mode: "cluster", ...differs });
});

test.each<[string, object]>([
  ["redis+sentinel://h/m", {}],
  ["redis-sentinel://h:26379/m/4", { db: 4 }],
  ["redis+sentinel://h/my%20m?db=4", { master: "my m", db: 4 }],
  [
    "rediss+sentinel://:p@h,i:1/m",
    {
      tls: true,
      sentinelTls: true,
      password: "p",
      hosts: [
        ["h", 26379],
        ["i", 1],
      ],
    },
  ],
  ["rediss+sentinel://h/m?sentinel_tls=no", { tls: true }],
  ["redis+sentinel://h/m?sentinel_tls=yes", { sentinelTls: true }],
])("%s is a master behind Sentinels", (url, { hosts = [["h", 26379]], ...differs }: { hosts?: unknown[][] }) => {
  const addresses = hosts.map(([host, port]) => ({ host, port }));
  expect(parseRedisUrl(url)).toEqual({ ...plain, mode: "sentinel", master: "m", hosts: addresses, ...differs });
});

test.each<[string, RegExp]>([
  ["", /must be a URL that begins with redis:/],
  ["h:6379", /begins with redis:/],
  ["http://h", /begins with redis:/],
  ["redis+other://h", /begins with redis:/],
  ["redis://h:0", /host:port/],
  ["redis://h:65536", /host:port/],
  ["redis://h:port", /host:port/],
  ["redis://a:secret/b@h", /encode special characters/],
  ["redis://:ab%secret@h", /password with a % that encodes nothing/],
  ["redis://h1,h2", /several hosts: begin it with redis\+cluster/],
  ["redis://h/one", /number of a database/],
  ["redis://h/1/2", /not the number of a database/],
  ["redis://h?family=5", /family/],
  ["redis+cluster://h/1", /a Redis Cluster has only database 0/],
  ["redis+cluster://h?db=1", /a Redis Cluster has only database 0/],
  ["redis+cluster://h,,i,:x", /host:port/],
  ["redis+sentinel://h", /must name the master/],
  ["redis+sentinel://h/", /must name the master/],
  ["redis+sentinel://h/m?sentinel_tls=perhaps", /yes or no/],
  ["redis+sentinel://h/m?sentinel_password=secret", /sentinel_password, which is not known: .*REDIS_SENTINEL_PASSWORD/],
  ["rediss://h?ssl_ca_certs=/secret", /ssl_ca_certs, which is not known: use REDIS_TLS_CA/],
  ["rediss://h?ssl_cert_reqs=optional", /required or none/],
])("%s is refused with the reason and without its secrets", (url, message) => {
  expect(() => parseRedisUrl(url)).toThrow(message);
  expect(() => parseRedisUrl(url)).not.toThrow("secret/");
  expect(() => parseRedisUrl(url)).not.toThrow(/%secret|=secret/);
});
