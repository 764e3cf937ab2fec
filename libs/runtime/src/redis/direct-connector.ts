import { createConnection, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AbstractConnector, type Redis, type RedisOptions, SentinelConnector } from "ioredis";

/**
 * Connects to the host and port of the options, as ioredis does. But a TLS socket can emit a second error, an alert that arrives
 * after the certificate was refused. ioredis 6 listens for one error only, and the other would end the process.
 */
export class DirectConnector extends AbstractConnector {
  private readonly options: RedisOptions;

  constructor(options: unknown) {
    super((options as { disconnectTimeout: number }).disconnectTimeout);
    this.options = options as RedisOptions;
  }

  protected address(): { host: string; port: number } {
    return { host: this.options.host ?? "localhost", port: this.options.port ?? 6379 };
  }

  override async connect(): Promise<Socket> {
    this.connecting = true;
    const { tls, family } = this.options;
    const to = { ...this.address(), ...(family && { family }) };
    const stream = tls ? connectTls({ ...to, ...tls }) : createConnection(to);
    this.stream = stream;
    stream.on("error", (error) => {
      this.firstError ??= error;
    });
    return stream;
  }
}

/** The same for the connections to Sentinels and to the master that they name. */
export class BehindSentinels extends SentinelConnector {
  override async connect(emit: (type: string, error: Error) => void): ReturnType<SentinelConnector["connect"]> {
    const stream = await super.connect(emit);
    stream.on("error", () => {});
    return stream;
  }
}

type ToSentinel = (endpoint: object, options?: RedisOptions) => Redis;

const sentinels = SentinelConnector.prototype as unknown as { connectToSentinel: ToSentinel };
// Not assigned to the class of ioredis: only ours connects so.
Object.assign(BehindSentinels.prototype, {
  connectToSentinel(this: BehindSentinels, endpoint: object, options?: RedisOptions): Redis {
    return sentinels.connectToSentinel.call(this, endpoint, { ...options, Connector: DirectConnector });
  },
});
