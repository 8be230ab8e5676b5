// Stock Hocuspocus providers that obey commands: JSON lines on stdin, JSON lines on stdout.
//
//   node hocuspocus.mjs
//   {"id": 1, "verb": "open_socket", "args": ["s", "4", "ws://127.0.0.1:8000/collab"]}   ->   {"id": 1, "result": null}
//
// The first argument of a verb is the name of a socket or of a provider. Verbs whose name begins
// with "await" answer when their condition holds, or fail in time.
import { isDeepStrictEqual } from 'node:util'
import { createInterface } from 'node:readline'
import { decoding } from 'lib0'
import WebSocket from 'ws'
import * as Y from 'yjs'

const PATIENCE = 20_000
const TYPES = ['sync', 'awareness', 'auth', 'query', 'reply', 'stateless', 'broadcast', 'close', 'status', 'ping', 'pong']
const KINDS = {
  sync: ['step_1', 'step_2', 'update'], auth: ['token', 'denied', 'granted'], status: ['refused', 'accepted']
}

const sockets = new Map()
const providers = new Map()
const waiting = new Set()

console.warn = () => {}

function changed () {
  for (const recheck of waiting) setImmediate(recheck)
}

// "step_1", "accepted", "awareness" …, and whose frame it is.
function read (data) {
  const reader = decoding.createDecoder(new Uint8Array(data))
  const address = decoding.readVarString(reader)
  const type = TYPES[decoding.readVarUint(reader)]
  return { address, kind: KINDS[type]?.[decoding.readVarUint(reader)] ?? type }
}

class Socket {
  constructor ({ HocuspocusProvider, HocuspocusProviderWebsocket }, version, url) {
    Object.assign(this, { HocuspocusProvider, version, closes: [], received: [], sent: [], connections: 0 })
    const heard = this
    class Overheard extends WebSocket {
      constructor (url) {
        super(url)
        // Providers close sockets that are not open yet, and listen no more by then.
        this.on('error', () => {})
        this.on('open', () => { heard.connections += 1; changed() })
        this.on('message', (data) => { heard.received.push(read(data)); changed() })
        this.on('close', (code, reason) => { heard.closes.push([code, String(reason)]); changed() })
      }

      send (data) {
        if (data instanceof Uint8Array && data.length > 1) heard.note(data)
        super.send(data)
      }
    }
    this.stock = new HocuspocusProviderWebsocket({
      url, WebSocketPolyfill: Overheard, delay: 50, minDelay: 50, maxDelay: 400, maxAttempts: 0
    })
    this.stock.on('status', changed)
  }

  note (data) {
    try { this.sent.push(read(data)) } catch { /* one of the malformed frames */ }
    changed()
  }

  status () {
    return {
      connections: this.connections,
      open: this.stock.webSocket?.readyState === WebSocket.OPEN,
      wants_connection: this.stock.shouldConnect,
      close_codes: this.closes.map(([code]) => code),
      reasons: this.closes.map(([, reason]) => reason),
      addresses: [...new Set(this.received.map(({ address }) => address))]
    }
  }
}

class Provided {
  constructor (socket, document, { tokens, token_kind: tokenKind, shares, awareness, ...options }) {
    Object.assign(this, { socket, scopes: [], failures: [], heard: [], closings: [], departed: [], asked: 0, observed: 0 })
    this.doc = shares ? providers.get(shares).doc : new Y.Doc()
    const next = () => { this.asked += 1; return tokens.length > 1 ? tokens.shift() : tokens[0] }
    const token = { string: tokens[0], sync: next, async: async () => { await null; return next() } }[tokenKind ?? 'sync']
    this.stock = new socket.HocuspocusProvider({
      websocketProvider: socket.stock,
      name: document,
      document: this.doc,
      token,
      broadcast: false,
      ...(awareness === null ? { awareness } : {}),
      ...options
    })
    this.tokens = tokens
    this.listen()
    // Provider 2 attaches itself.
    if (socket.version !== '2') this.stock.attach()
  }

  listen () {
    const { stock } = this
    stock.on('authenticated', () => { this.scopes.push(stock.authorizedScope); changed() })
    stock.on('authenticationFailed', ({ reason }) => { this.failures.push(reason); changed() })
    stock.on('stateless', ({ payload }) => { this.heard.push(payload); changed() })
    stock.on('close', ({ event }) => { this.closings.push(event.reason); changed() })
    stock.on('synced', () => { this.loaded ??= this.notes.toJSON() })
    stock.awareness?.on('change', ({ removed }) => { this.departed.push(...removed) })
    for (const event of ['synced', 'unsyncedChanges', 'awarenessChange']) stock.on(event, changed)
    this.notes.observe(() => { this.observed += 1 })
    this.doc.on('update', changed)
  }

  get steps () { return this.doc.getMap('steps') }

  // What the tests write goes here: in `steps`, the server would soon delete what is no step.
  get notes () { return this.doc.getMap('notes') }

  get address () { return this.stock.effectiveName ?? this.stock.configuration.name }

  count (frames) {
    const counts = {}
    for (const { address, kind } of frames) if (address === this.address) counts[kind] = (counts[kind] ?? 0) + 1
    return counts
  }

  status () {
    const states = this.stock.awareness?.getStates() ?? new Map()
    return {
      address: this.address,
      client: this.doc.clientID,
      synced: this.stock.synced,
      unsynced: this.stock.unsyncedChanges,
      scopes: this.scopes,
      failures: this.failures,
      heard: this.heard,
      closings: this.closings,
      asked: this.asked,
      observed: this.observed,
      loaded: this.loaded,
      departed: this.departed,
      others: [...states].filter(([client]) => client !== this.doc.clientID).map(([, state]) => state),
      received: this.count(this.socket.received),
      sent: this.count(this.socket.sent),
      steps: this.steps.toJSON(),
      notes: this.notes.toJSON()
    }
  }
}

const one = (name) => providers.get(name) ?? sockets.get(name)

function until (name, condition, what) {
  return new Promise((resolve, reject) => {
    const recheck = () => {
      if (!waiting.has(recheck) || !condition(one(name).status())) return
      waiting.delete(recheck)
      clearTimeout(timer)
      resolve(null)
    }
    const timer = setTimeout(() => {
      waiting.delete(recheck)
      reject(new Error(`expected ${what} within ${PATIENCE} ms, got ${JSON.stringify(one(name).status())}`))
    }, PATIENCE)
    waiting.add(recheck)
    recheck()
  })
}

// An expected object may leave out fields; a text stands for any text that contains it.
function fits (actual, expected) {
  if (typeof expected === 'string' && typeof actual === 'string') return actual.includes(expected)
  if (Array.isArray(expected)) {
    return actual?.length === expected.length && expected.every((each, index) => fits(actual[index], each))
  }
  if (expected === null || typeof expected !== 'object') return isDeepStrictEqual(actual, expected)
  return Object.entries(expected).every(([key, value]) => fits(actual?.[key], value))
}

const verbs = {
  open_socket: async (name, version, url) => {
    sockets.set(name, new Socket(await import(`hocuspocus-${version}`), version, url))
  },
  provide: (name, socket, document, options) => {
    providers.set(name, new Provided(sockets.get(socket), document, options))
  },
  status: (name) => one(name).status(),
  await_status: (name, expected) => until(name, (status) => fits(status, expected), JSON.stringify(expected)),
  await_steps: (name, keys) => until(name, ({ steps }) => keys.every((key) => key in steps), `steps ${keys}`),
  await_notes: (name, keys) => until(name, ({ notes }) => keys.every((key) => key in notes), `notes ${keys}`),
  await_closed: (name) => until(name, (status) => status.close_codes.length > 0, 'a close'),

  put: (name, key, value) => { one(name).notes.set(key, value) },
  paste: (name, key, length) => { one(name).notes.set(key, 'x'.repeat(length)) },
  remove: (name, key) => { one(name).notes.delete(key) },
  present: (name, state) => one(name).stock.awareness.setLocalState(state),
  tell: (name, payload) => one(name).stock.sendStateless(payload),
  use_tokens: (name, ...tokens) => one(name).tokens.splice(0, Infinity, ...tokens),

  // Provider 2 detaches itself when it is denied.
  knock_again: (name) => {
    const { stock, socket } = one(name)
    if (socket.version === '2') stock.connect()
    else { stock.detach(); stock.attach() }
  },
  send_bytes: (name, hex) => one(name).stock.webSocket.send(Buffer.from(hex, 'hex')),
  send_text: (name, text) => one(name).stock.webSocket.send(text),
  connect: (name) => { one(name).stock.connect() },
  disconnect: (name) => { one(name).stock.disconnect() },
  destroy: (name) => { one(name).destroyed = true; one(name).stock.destroy() },

  clear: () => {
    for (const { stock, destroyed } of providers.values()) destroyed || stock.destroy()
    for (const { stock } of sockets.values()) stock.destroy()
    for (const all of [providers, sockets, waiting]) all.clear()
  }
}

async function obey ({ id, verb, args }) {
  try {
    answer({ id, result: (await verbs[verb](...args)) ?? null })
  } catch (error) {
    answer({ id, error: String(error.message ?? error) })
  }
}

const answer = (line) => process.stdout.write(JSON.stringify(line) + '\n')

for await (const line of createInterface({ input: process.stdin })) obey(JSON.parse(line))
process.exit(0)
