// The connection to a room: a conversation on /ws, and beside it /presence, which only listens.
// It comes back by itself, with growing pauses, until it is told to leave.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
const PATIENCE = 10_000; // for a connection that neither opens nor fails
const TAKEN_OVER = 4001;

const base = location.origin.replace(/^http/, "ws");

/**
 * Calls, of the object given to it:
 *   connecting(), joined({name, room, secret}), waiting(milliseconds), replaced(),
 *   refused(error) for a join that failed, error(error) for anything later,
 *   message({author, text, time}), people([names])
 */
export class Link {
  #handlers;
  #wanted = null; // {name, room, secret}, or null when there is nothing to connect to
  #socket = null;
  #presence = null;
  #joined = false;
  #failures = 0;
  #timer = 0;
  #presenceTimer = 0;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Enter a room, and stay there. */
  join(name, room, secret = "") {
    this.leave();
    this.#wanted = { name, room, secret };
    this.#failures = 0;
    this.#open();
  }

  /** Go away, for good. */
  leave() {
    this.#wanted = null;
    this.#drop();
  }

  /** Do not wait any longer for the next attempt. */
  retry() {
    if (this.#wanted && !this.#socket) {
      this.#open();
    }
  }

  /** Say something; false when there is no connection now. */
  say(text) {
    if (this.#joined) {
      this.#socket.send(JSON.stringify({ type: "say", text }));
    }
    return this.#joined;
  }

  #open() {
    this.#drop();
    this.#handlers.connecting();
    const socket = new WebSocket(`${base}/ws`);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(), PATIENCE);
    socket.onopen = () => socket.send(JSON.stringify({ type: "join", ...this.#wanted }));
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => (event.code === TAKEN_OVER ? this.#replaced() : this.#lost());
  }

  #receive(value) {
    if (value.type === "message") {
      this.#handlers.message(value);
    } else if (value.type === "joined") {
      clearTimeout(this.#timer);
      this.#joined = true;
      this.#failures = 0;
      this.#wanted = { name: value.name, room: value.room, secret: value.secret };
      this.#handlers.joined(value);
      this.#watch();
    } else if (value.type === "error" && this.#joined) {
      this.#handlers.error(value);
    } else if (value.type === "error") {
      this.leave();
      this.#handlers.refused(value);
    }
  }

  #watch() {
    const socket = new WebSocket(`${base}/presence?room=${encodeURIComponent(this.#wanted.room)}`);
    this.#presence = socket;
    socket.onmessage = (event) => this.#handlers.people(JSON.parse(event.data).people);
    socket.onclose = () => {
      this.#presenceTimer = setTimeout(() => this.#watch(), 2 * FIRST_PAUSE);
    };
  }

  #lost() {
    this.#drop();
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failures);
    const jittered = pause * (0.5 + Math.random() / 2); // a thousand pages shall not come at once
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#open(), jittered);
    this.#handlers.waiting(jittered, this.#failures);
  }

  #replaced() {
    this.leave();
    this.#handlers.replaced();
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#presenceTimer);
    this.#joined = false;
    for (const socket of [this.#socket, this.#presence]) {
      if (socket) {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
      }
    }
    this.#socket = this.#presence = null;
  }
}
