import {
  type Catalog,
  defaultModelFor,
  type LocatedModel,
  locateModel,
  type ModelServer,
  mayUseModel,
  readModelName,
  writeModelName,
} from "@boocode/model-servers";
import type { StreamReply } from "../turn/ports.ts";
import { createContextSize } from "./discovery/context-size.ts";
import { createKnownTraits } from "./discovery/known-traits.ts";
import { createModelReady } from "./discovery/model-ready.ts";
import { windowFromModelList } from "./discovery/server-info.ts";
import { createSwapsModels } from "./discovery/swaps-models.ts";
import { createResolvedNames, type NamesOfRoles } from "./resolved-names.ts";
import { givingWay } from "./scheduling/give-way.ts";
import type { RetrySettings } from "./scheduling/retry-policy.ts";
import { createSharedPool } from "./scheduling/shared-pool.ts";
import type { Slots } from "./scheduling/slots.ts";
import { orNullAfter } from "./scheduling/timeouts.ts";
import { withRetries } from "./scheduling/with-retries.ts";
import { withSlot } from "./scheduling/with-slot.ts";
import { createStreamReply } from "./stream-reply.ts";

/** All model servers behind one interface; a model's name selects its server. */
export interface ModelServers {
  /**
   * @param wanted the session's model; null for the default
   * @param role of the user who asks
   * @returns the name that the other methods take
   * @throws ModelNotAllowed when users of this role may not use the model
   */
  resolve(wanted: string | null, role: string): Promise<string | null>;
  /** What `resolve` returned last. */
  resolved(): NamesOfRoles;
  /** The model's context window in tokens, without making a server load the model; null when unknown. */
  window(name: string | null): Promise<number | null>;
  replaysReasoning(name: string | null): boolean;
  streamReply: StreamReply;
}

export interface ModelServersDeps {
  servers: readonly ModelServer[];
  catalog: Catalog;
  slots: Slots;
  /** DEFAULT_MODEL */
  defaultModel: string | undefined;
  idleTimeoutMs: number;
  firstByteTimeoutMs: number;
  silenceNoticeMs: number;
  retries: RetrySettings;
  log(facts: Record<string, unknown>, message: string): void;
}

/** Users of the asker's role may not use the model; null: there is none that they may use. */
export class ModelNotAllowed extends Error {
  override name = "ModelNotAllowed";
  constructor(model: string | null) {
    super(model === null ? "your role may use no model" : `your role may not use the model ${model}; choose another`);
  }
}

/** How many names of a role `resolved` returns. Each claim sends them all to the database. */
const MOST_RESOLVED = 50;

/** The longest time that a turn waits for a server's model list, which only improves names and windows. */
const CATALOG_WAIT_MS = 1_000;

export function createModelServers(deps: ModelServersDeps): ModelServers {
  const names = deps.servers.map((server) => server.name);
  const first = deps.servers[0];
  if (!first) throw new Error("there is no model server");
  const connected = new Map(deps.servers.map((server) => [server.name, connect(deps, server)]));

  const read = async () =>
    (await orNullAfter(CATALOG_WAIT_MS, deps.catalog.read())) ??
    deps.servers.map((server) => ({ server, models: null, lastModels: null, error: null, keyRefused: false }));

  /** Locates the model of a name that `resolve` returned, without the catalog. */
  function locate(name: string | null): LocatedModel {
    return (name === null ? null : readModelName(name, names)) ?? { server: first?.name ?? "", model: name };
  }
  const find = async (name: string) =>
    readModelName(name, names) ?? (names.length === 1 ? locate(name) : locateModel(name, await read()));
  const resolved = createResolvedNames(MOST_RESOLVED);
  const serverOf = (name: string | null) => connected.get(locate(name).server) as ReturnType<typeof connect>;

  return {
    async resolve(wanted, role) {
      const chosen = wanted === null ? defaultModelFor(await read(), deps.defaultModel, role) : await find(wanted);
      const used = chosen ?? locate(null);
      const server = deps.servers.find(({ name }) => name === used.server);
      if (!server || !(await mayUseModel(server, used.model, role, deps.catalog.read)))
        throw new ModelNotAllowed(wanted);
      const name = chosen && writeModelName(chosen, names);
      resolved.remember(wanted, role, name);
      return name;
    },
    resolved: resolved.known,
    async window(name) {
      const { model } = locate(name);
      const { contextSize, server } = serverOf(name);
      const known = model === null ? null : contextSize.known(model);
      if (known !== null || model === null) return known ?? server.contextSize;
      const listed = (await read()).find((one) => one.server === server)?.models?.find(({ id }) => id === model);
      return (listed ? windowFromModelList({ data: [listed.entry] }, model) : null) ?? server.contextSize;
    },
    replaysReasoning(name) {
      return serverOf(name).traits.of(locate(name).model).replay_reasoning;
    },
    streamReply: (request, signal) => {
      const { model } = locate(request.model);
      return serverOf(request.model).streamReply({ ...request, model }, signal);
    },
  };
}

/** Connects one server: limits, timeouts, stream, and what is known of its models. */
function connect(deps: ModelServersDeps, server: ModelServer) {
  const traits = createKnownTraits(server.traits);
  const contextSize = createContextSize({ server, timeoutMs: 2_000, onTraits: traits.learn });
  const ready = createModelReady(server, 1_000);
  const pool = createSharedPool(() => performance.now());
  const swaps = createSwapsModels(server, 1_000, () => performance.now());
  /** llama.cpp reports how many requests it serves concurrently; a limit in the settings takes precedence. */
  const limitsFor = (model: string) => {
    const told = server.maxConcurrent === null ? contextSize.totalSlots(model) : null;
    return pool.limit(model, { server: server.maxConcurrent, model: server.maxConcurrentPerModel ?? told });
  };
  const stream = createStreamReply({
    server,
    traits,
    idleTimeoutMs: deps.idleTimeoutMs,
    firstByteTimeoutMs: deps.firstByteTimeoutMs,
    silenceNoticeMs: deps.silenceNoticeMs,
    ready,
    contextSize,
    log: (facts, message) => deps.log({ server: server.name, ...facts }, message),
  });
  const streamWithSlot = withSlot(pool.watch(stream), ({ userId: user = "", model: named }, signal, onWait) => {
    const model = named ?? "";
    const wanted = { server: server.name, user, model, limits: limitsFor(model), swaps: swaps.known() };
    return deps.slots.take(wanted, signal, onWait);
  });
  const turns = {
    wait: () => deps.slots.wait(server.name),
    isWaiting: () => deps.slots.isWaiting(server.name),
    hasLimit: (model: string) => Object.values(limitsFor(model)).some((limit) => limit !== null),
  };
  return {
    server,
    contextSize,
    traits,
    streamReply: givingWay(withRetries(streamWithSlot, deps.retries), turns),
  };
}
