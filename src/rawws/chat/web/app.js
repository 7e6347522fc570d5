// The chat page: what the reader does, and what is remembered of it.

import { Link } from "./link.js";
import * as view from "./view.js";

const { $ } = view;
const DEFAULT_ROOM = "lobby";
const GONE_AFTER = 3000; // who comes back sooner, by reloading the page say, was never gone
const NOT_REACHED = "The server cannot be reached. Is it running?";

let me = null; // {name, room, secret} while there is a room
let entering = false; // the form waits for an answer
let present = null; // names that were here at the last look, null before the first
let draft = ""; // the last text sent, in case it is refused
const leaving = new Map(); // name -> timer

// What is remembered: the name for next time, and for this tab where it is and its secret.

function recall(storage, key) {
  try {
    return JSON.parse(window[storage].getItem(`rawws-chat.${key}`));
  } catch {
    return null;
  }
}

function remember(storage, key, value) {
  try {
    window[storage].setItem(`rawws-chat.${key}`, JSON.stringify(value));
  } catch {
    // Not allowed here; then nothing is remembered.
  }
}

function roomInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim();
  } catch {
    return "";
  }
}

function putRoomInAddress(room) {
  if (roomInAddress() !== room) {
    history.replaceState(null, "", `#${encodeURIComponent(room)}`);
  }
}

// Who is here.

function forgetPeople() {
  leaving.forEach(clearTimeout);
  leaving.clear();
  present = null;
}

function comeAndGo(names) {
  const before = present;
  present = new Set(names);
  view.showPeople(names, me.name);
  if (!before) {
    return;
  }
  for (const name of names) {
    if (leaving.has(name)) {
      clearTimeout(leaving.get(name));
      leaving.delete(name);
    } else if (!before.has(name) && name !== me.name) {
      view.showEvent(name, "came in");
    }
  }
  for (const name of before) {
    if (!present.has(name) && name !== me.name) {
      leaving.set(name, setTimeout(sayGone, GONE_AFTER, name));
    }
  }
}

function sayGone(name) {
  leaving.delete(name);
  view.showEvent(name, "left");
}

// The connection.

const link = new Link({
  connecting() {
    view.showState("connecting");
  },

  joined({ name, room, secret }) {
    const returned = me !== null && me.room === room && !entering;
    entering = false;
    me = { name, room, secret };
    remember("localStorage", "name", name);
    remember("sessionStorage", "place", me);
    putRoomInAddress(room);
    view.showHall(room);
    view.showBanner("");
    view.showState("joined");
    if (!returned || document.activeElement === $("retry")) {
      $("text").focus();
    }
  },

  waiting(milliseconds, failures) {
    if (entering) {
      toDoor(NOT_REACHED);
      return;
    }
    view.showState("waiting");
    const seconds = Math.ceil(milliseconds / 1000);
    const when = failures === 1 ? "Trying again…" : `Trying again in ${seconds} s.`;
    view.showBanner(`The connection is lost. ${when}`, "Try now");
  },

  refused(error) {
    toDoor(error.message, $(/name/.test(error.code) ? "name" : "room"));
  },

  replaced() {
    view.showState("replaced");
    view.showBanner("You are in this room in another tab.", "Use this one");
  },

  error(error) {
    $("notice").textContent = error.message;
    if (!$("text").value) {
      $("text").value = draft;
      showText();
    }
  },

  message(message) {
    view.showMessage(message, message.author === me.name);
  },

  people: comeAndGo,
});

function enter(name, room, secret = "") {
  forgetPeople();
  link.join(name, room, secret);
}

function toDoor(refusal = "", culprit = null) {
  link.leave();
  forgetPeople();
  entering = false;
  me = null;
  remember("sessionStorage", "place", null);
  view.showPeoplePanel(false);
  view.showDoor(refusal, culprit);
}

// The form.

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("name").value.trim();
  const room = $("room").value.trim().replace(/^#/, "") || DEFAULT_ROOM;
  if (!name) {
    view.showDoor("Please give a name.", $("name"));
    return;
  }
  entering = true;
  $("refusal").textContent = "";
  $("enter").disabled = true;
  $("enter").textContent = "Joining…";
  enter(name, room);
});

// The room.

function showText() {
  const text = $("text");
  if (!CSS.supports("field-sizing", "content")) {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  }
  $("send").disabled = !text.value.trim() || $("status").dataset.state !== "joined";
}

$("text").addEventListener("input", () => {
  $("notice").textContent = "";
  showText();
});

$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (text.trim() && link.say(text)) {
    draft = text;
    $("text").value = "";
    $("notice").textContent = "";
    showText();
  }
  $("text").focus();
});

$("retry").addEventListener("click", () => {
  if ($("status").dataset.state === "replaced") {
    enter(me.name, me.room, me.secret);
  } else {
    link.retry();
  }
});

$("leave").addEventListener("click", () => toDoor());

$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    $("copy").textContent = "Copied";
  } catch {
    $("copy").textContent = "Not allowed";
  }
  setTimeout(() => ($("copy").textContent = "Copy link"), 2000);
});

$("people-toggle").addEventListener("click", () => {
  view.showPeoplePanel(!$("people").classList.contains("open"));
});

$("log").addEventListener("click", () => view.showPeoplePanel(false));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && $("people").classList.contains("open")) {
    view.showPeoplePanel(false);
    $("people-toggle").focus();
  }
});

// The address and the network.

addEventListener("hashchange", () => {
  const room = roomInAddress();
  if (!me) {
    $("room").value = room || DEFAULT_ROOM;
  } else if (room && room !== me.room) {
    $("room").value = room;
    enter(me.name, room);
  }
});

addEventListener("online", () => link.retry());
addEventListener("pagehide", () => link.leave());
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    start();
  }
});

function start() {
  const place = recall("sessionStorage", "place");
  const room = roomInAddress();
  $("name").value = place?.name ?? recall("localStorage", "name") ?? "";
  $("room").value = room || place?.room || DEFAULT_ROOM;
  if (place && (!room || room === place.room)) {
    me = place;
    view.showHall(place.room);
    enter(place.name, place.room, place.secret);
  } else {
    toDoor();
  }
}

start();
