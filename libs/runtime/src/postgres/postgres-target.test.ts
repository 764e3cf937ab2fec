import fc from "fast-check";
import { expect, test } from "vitest";
import { readPostgresTarget } from "./postgres-target.ts";

const read = readPostgresTarget;
const at = (host: string, port = 5432) => ({ host, port });

test.each([
  ["postgres://u:p@h/d", { addresses: [at("h")], user: "u", password: "p", database: "d" }],
  ["postgresql://u@h:6543", { addresses: [at("h", 6543)], user: "u" }],
  ["postgres://", { addresses: [at("localhost")] }],
  ["postgres:///d", { addresses: [at("localhost")], database: "d" }],
  [" postgres://u:p@h/d\r\n", { addresses: [at("h")], user: "u", password: "p", database: "d" }],
  ["postgres://u:p@[::1]:6543/d", { addresses: [at("::1", 6543)], user: "u", password: "p", database: "d" }],
  ["postgres://[fe80::1%25eth0]/d", { addresses: [at("fe80::1%eth0")], database: "d" }],
  ["postgres://u:p@/d?host=/run/pg", { addresses: [at("/run/pg")], user: "u", password: "p", database: "d" }],
  ["postgres:///d?host=/run/pg&port=6543", { addresses: [at("/run/pg", 6543)], database: "d" }],
  ["postgres://u:p@%2Frun%2Fpg/d", { addresses: [at("/run/pg")], user: "u", password: "p", database: "d" }],
  ["postgres://u:p@%2Frun%2Fpg:6543/d", { addresses: [at("/run/pg", 6543)], user: "u", password: "p", database: "d" }],
  ["postgres://u@a,b:6543,[::1]/d", { addresses: [at("a"), at("b", 6543), at("::1")], user: "u", database: "d" }],
  ["postgres:///d?host=a,b&port=1,2", { addresses: [at("a", 1), at("b", 2)], database: "d" }],
  ["postgres://a,b/d?port=6543", { addresses: [at("a", 6543), at("b", 6543)], database: "d" }],
  ["postgres://h/d?hostaddr=10.0.0.1", { addresses: [{ ...at("h"), hostaddr: "10.0.0.1" }], database: "d" }],
  ["postgres://h?user=u&password=p%26q&dbname=d", { addresses: [at("h")], user: "u", password: "p&q", database: "d" }],
  ["postgres://u:p%40%2F%3A%25@h/my%20d", { addresses: [at("h")], user: "u", password: "p@/:%", database: "my d" }],
  ["postgres://u:p@ss:w#rd@h/d", { addresses: [at("h")], user: "u", password: "p@ss:w#rd", database: "d" }],
])("%s says where the database is", (text, place) => {
  const { addresses, user, password, database } = read(text);
  expect({ addresses, user, password, database }).toEqual({ ...place });
});

test("a user, a password, a database and a host of any characters are read as they were encoded", () => {
  const part = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(part, part, part, (user, password, database) => {
      const [u, p, d] = [user, password, database].map(encodeURIComponent);
      expect(read(`postgres://${u}:${p}@h:1/${d}`)).toMatchObject({
        user,
        password,
        database,
        addresses: [at("h", 1)],
      });
    }),
  );
});

test.each([
  ["mysql://u:secret@h/d", /begins with postgres:\/\//],
  ["postgres:/u:secret@h/d", /begins with postgres:\/\//],
  ["postgres://u:sec%ret@h/d", /^the password has a % .* write the character % as %25/],
  ["postgres://u:secret%FF@h/d", /^the password has a %/],
  ["postgres://se%cret@h/d", /^the user has a %/],
  ["postgres://u:secret/rest@h/d", /%2F/],
  ["postgres://u:secret?rest@h/d", /%3F/],
  ["postgres://u:12/secret@h/d", /%2F/],
  ["postgres://u:p@h:secret/d", /has a port/],
  ["postgres://u:p@h:0/d", /has a port/],
  ["postgres://u:p@::1/d", /has a port|\[::1\]/],
  ["postgres://h/d?sslmode=secret", /^sslmode must be one of disable, allow, prefer, require/],
  ["postgres://h/d?sslmode=toString", /^sslmode must be one of/],
  ["postgres://h/d?channel_binding=secret", /^channel_binding must be one of/],
  ["postgres://h/d?sslmode=disable&channel_binding=require", /channel_binding=require needs TLS/],
  ["postgres://h/d?sslnegotiation=direct", /sslnegotiation=direct needs TLS/],
  ["postgres://h/d?gssencmode=require", /gssencmode=require is not supported/],
  ["postgres://h/d?target_session_attrs=standby", /^target_session_attrs must be one of any, primary, read-write/],
  ["postgres://h/d?connect_timeout=secret", /^connect_timeout must be a whole number/],
  ["postgres://h/d?sslcert=/secret.pem", /^sslcert and sslkey must be given together/],
  ["postgres://h/d?options=-c%20secret", /^options has a -c without/],
  ["postgres://h/d?sec ret=1", /parameter whose name cannot be read/],
])("%s is refused with what to do, and without a value of it", (text, message) => {
  const refused = () => read(text);
  expect(refused).toThrow(message);
  expect(refused).not.toThrow(/sec ?ret/);
});

test.each([
  ["", { mode: "prefer" }],
  ["sslmode=disable", { mode: "disable" }],
  ["sslmode=allow", { mode: "prefer" }],
  ["sslmode=prefer", { mode: "prefer" }],
  ["sslmode=require", { mode: "require" }],
  ["sslmode=no-verify", { mode: "require" }],
  ["requiressl=1", { mode: "require" }],
  ["ssl=true", { mode: "verify-full" }],
  ["ssl=require", { mode: "require" }],
  ["ssl=false", { mode: "disable" }],
  ["sslmode=verify-full", { mode: "verify-full", rootCert: undefined }],
  ["sslmode=verify-full&sslrootcert=/ca.pem", { mode: "verify-full", rootCert: "/ca.pem" }],
  ["sslmode=verify-full&sslrootcert=%2Fmy%20ca.pem", { mode: "verify-full", rootCert: "/my ca.pem" }],
  ["sslmode=verify-ca&sslrootcert=/ca.pem", { mode: "verify-ca", rootCert: "/ca.pem" }],
  // Public authorities sign for everybody.
  ["sslmode=verify-ca", { mode: "verify-full" }],
  ["sslmode=verify-ca&sslrootcert=system", { mode: "verify-full", rootCert: undefined }],
  ["sslrootcert=system", { mode: "verify-full", rootCert: undefined }],
  ["sslrootcert=/ca.pem", { mode: "verify-full", rootCert: "/ca.pem" }],
  ["sslmode=require&sslrootcert=/ca.pem", { mode: "verify-ca", rootCert: "/ca.pem" }],
  ["sslmode=require&sslrootcert=system", { mode: "verify-full" }],
  ["sslmode=require&sslaccept=strict", { mode: "verify-full" }],
  ["sslmode=require&sslaccept=accept_invalid_certs", { mode: "require" }],
  ["sslmode=verify-full&sslaccept=accept_invalid_certs", { mode: "verify-full" }],
  ["sslcert=/c.pem&sslkey=/k.pem&sslpassword=x", { cert: "/c.pem", key: "/k.pem", keyPassword: "x" }],
  ["sslmode=require&sslnegotiation=direct", { mode: "require", isDirect: true }],
  ["sslnegotiation=postgres&sslsni=0", { isDirect: false, sendsName: false }],
  ["ssl_min_protocol_version=TLSv1.3&sslcrl=/crl.pem", { minVersion: "TLSv1.3", revoked: "/crl.pem" }],
  ["channel_binding=require", { mode: "require" }],
])("%s asks for this encryption, and nothing of it is ignored", (query, tls) => {
  const target = read(`postgres://h/d?${query}`);
  expect(target.tls).toMatchObject(tls);
  expect(target.warnings).toEqual([]);
});

test.each([
  ["channel_binding=disable", { channelBinding: "disable" }],
  ["channel_binding=prefer&gssencmode=prefer", { channelBinding: "prefer" }],
  ["sslmode=require&channel_binding=require", { channelBinding: "require" }],
  ["gssencmode=disable&client_encoding=utf8", {}],
  ["application_name=mine", { applicationName: "mine" }],
  ["connect_timeout=9", { connectTimeoutMs: 9_000 }],
  ["connect_timeout=0", { connectTimeoutMs: 5_000 }],
  ["connect_timeout=-1", { connectTimeoutMs: 5_000 }],
  ["", { connectTimeoutMs: 5_000, keepAlive: 60, role: "primary", searchPath: undefined, settings: [] }],
  ["keepalives=0", { keepAlive: 0 }],
  ["keepalives=1&keepalives_idle=30", { keepAlive: 30 }],
  ["target_session_attrs=read-write", { role: "read-write" }],
  ["host=a,b", { role: "primary" }],
  ["host=a,b&target_session_attrs=any", { role: "any" }],
  ["schema=my%22app", { searchPath: '"my""app"' }],
  ["search_path=app,public", { searchPath: "app,public" }],
  ["options=-c%20search_path%3Dapp", { searchPath: "app" }],
  ["options=-c+search_path%3Dapp", { searchPath: "app" }],
  ["options=-csearch_path=app", { searchPath: "app", startupOptions: undefined }],
  [
    "options=--search-path=app%20-c%20a.b=1%5C%202",
    {
      settings: [
        ["search_path", "app"],
        ["a.b", "1 2"],
      ],
    },
  ],
  ["options=endpoint%3Dep-1", { settings: [], startupOptions: "endpoint=ep-1" }],
  ["options=endpoint%3Dep-1%20-c%20geqo%3Doff", { settings: [["geqo", "off"]], startupOptions: "endpoint=ep-1" }],
])("%s is understood", (query, expected) => {
  const target = read(`postgres://h/d?${query}`);
  expect(target).toMatchObject(expected);
  expect(target.warnings).toEqual([]);
});

test("parameters without effect are named, those about security apart from others, and no value is quoted", () => {
  const query =
    "pgbouncer=true&connection_limit=1&foo=hidden&require_auth=hidden&sslfuture=hidden&client_encoding=LATIN1&empty=";
  expect(read(`postgres://h/d?${query}`).warnings).toEqual([
    "client_encoding is always UTF8",
    "these security parameters have no effect: require_auth, sslfuture",
    "these parameters are ignored: pgbouncer, connection_limit, foo, empty",
  ]);
  expect(read("postgres://h/d?sslmode=prefer&sslrootcert=/ca.pem").warnings).toEqual([
    "sslrootcert has no effect with sslmode=prefer",
  ]);
});
