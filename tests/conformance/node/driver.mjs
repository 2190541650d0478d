// Runs conformance cases through the official Node SDK.
//
// Reads the JSON lines of ../README.md from standard input and answers each
// case and each look-up with one line. Events are made by the SDK's client
// (track, decide); its batch processor sends them to a dispatcher that records.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// The package is where the harness installed it, not beside this file.
const [folder, option] = process.argv.slice(2);
const load = createRequire(folder + '/');
const sdk = load('@optimizely/optimizely-sdk');

const RETRIES_MS = 3000;

function valueOf(kind, text) {
  switch (kind) {
    case 'n': return null;
    case 'b': return text === 'true';
    case 'i': return Number(text);
    case 'd': return Buffer.from(text, 'hex').readDoubleBE(0);
    case 'j': return JSON.parse(text);
    default: return text;
  }
}

function mappingOf(pairs) {
  if (!pairs) return undefined;
  return Object.fromEntries(
    pairs.map(([key, kind, text]) => [key, valueOf(kind, text)]));
}

// Records each request; answers as the script says.
function recorder(answers, batches) {
  return {
    async dispatchEvent({ url, params }) {
      const answer = answers.shift() ?? 'ok';
      batches.push({ endpoint: url, body: JSON.stringify(params) });
      if (answer === 'error') throw new Error(answer);
      return { statusCode: { ok: 204, refuse: 400 }[answer] ?? 500 };
    },
  };
}

async function makeClient(text, eventProcessor) {
  const client = sdk.createInstance({
    projectConfigManager: sdk.createStaticProjectConfigManager({
      datafile: text }),
    eventProcessor,
  });
  await client.onReady();
  return client;
}

function decide(client, step, attributes) {
  const { flag, forced } = step.decide;
  const user = client.createUserContext(step.user, attributes);
  for (const [ruleKey, variationKey] of forced) {
    user.setForcedDecision(
      ruleKey === null ? { flagKey: flag } : { flagKey: flag, ruleKey },
      { variationKey });
  }
  user.decide(flag);
}

// Whether the SDK made an event of the step.
function runStep(client, step) {
  const attributes = mappingOf(step.attributes);
  const center = client.notificationCenter;
  let made = false;
  const track = center.addNotificationListener(
    sdk.NOTIFICATION_TYPES.TRACK, () => { made = true; });
  const decision = center.addNotificationListener(
    sdk.NOTIFICATION_TYPES.DECISION,
    ({ decisionInfo }) => { made = decisionInfo.decisionEventDispatched; });
  if (step.decide) {
    decide(client, step, attributes);
  } else {
    client.track(step.conversion.key, step.user, attributes,
      mappingOf(step.conversion.tags));
  }
  center.removeNotificationListener(track);
  center.removeNotificationListener(decision);
  return made;
}

async function runCase(texts, line) {
  const batches = [];
  const callbacks = [];
  const answers = [...(line.answers ?? [])];
  const processor = sdk.createBatchEventProcessor({
    eventDispatcher: recorder(answers, batches),
    batchSize: line.batch || undefined,
    flushInterval: 3600000,
    maxRetries: answers.length + 1,
  });
  const clients = new Map();
  const made = [];
  for (const step of line.steps) {
    if (!clients.has(step.in)) {
      const client = await makeClient(texts.get(step.in), processor);
      if (clients.size === 0) {
        client.notificationCenter.addNotificationListener(
          sdk.NOTIFICATION_TYPES.LOG_EVENT,
          ({ params }) => callbacks.push(params.visitors.map(
            ({ snapshots }) => snapshots[0].events[0].uuid)));
      }
      clients.set(step.in, client);
    }
    made.push(runStep(clients.get(step.in), step));
  }
  await new Promise((resolve) => setTimeout(resolve,
    line.answers ? RETRIES_MS : 0));
  for (const client of clients.values()) await client.close();
  return { made, batches, callbacks };
}

async function lookUp(text, line) {
  let client;
  try {
    client = await makeClient(text);
  } catch (error) {
    return { accepted: false, by: error.message };
  }
  const config = client.getOptimizelyConfig();
  if (!config) return { accepted: false, by: 'nothing could be made of it' };
  const idOf = (list) => (key) =>
    list?.findLast((item) => item.key === key)?.id ?? null;
  const answer = {
    accepted: true, revision: config.revision, sdkKey: config.sdkKey,
    environmentKey: config.environmentKey,
    attributes: line.attributes.map(idOf(config.attributes)),
    events: line.events.map(idOf(config.events)),
  };
  await client.close();
  return answer;
}

async function main() {
  const texts = new Map();
  let waiting = [];
  const print = async () => {
    for (const answer of waiting) {
      process.stdout.write(JSON.stringify(await answer) + '\n');
    }
    waiting = [];
  };
  for await (const text of createInterface({ input: process.stdin })) {
    const line = JSON.parse(text);
    if ('datafile' in line) {
      texts.set(line.datafile, line.text);
    } else if ('lookup' in line) {
      waiting.push(lookUp(texts.get(line.lookup), line));
    } else if ('case' in line) {
      waiting.push(runCase(texts, line));
    }
    if (waiting.length >= 200) await print();
  }
  await print();
}

if (option === '--version') {
  const { version } = JSON.parse(readFileSync(
    folder + '/node_modules/@optimizely/optimizely-sdk/package.json'));
  console.log(JSON.stringify(['node-sdk', version]));
} else {
  await main();
}
// A timer of the SDK's may be left that would keep the process for an hour.
process.stdout.write('', () => process.exit(0));
