// What is seen. Whatever comes from others becomes text here, never markup.

const MOST_MESSAGES = 500;
const SAME_BREATH = 3 * 60_000; // messages of one person this close together share their head

export const $ = (id) => document.getElementById(id);

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });

let last = null; // {author, time} of the newest message, null when something else came after it
let lastDay = new Date().toDateString();
let unread = 0;
let pinned = true; // the end is in view, and shall stay there when the window changes
let title = document.title;

/** An element with text in it; classes as in a class attribute. */
function make(tag, classes, text = "") {
  const element = document.createElement(tag);
  element.className = classes;
  element.textContent = text;
  return element;
}

function makeAvatar(name) {
  const avatar = make("span", "avatar", [...name][0].toUpperCase());
  let hash = 5381;
  for (const character of name) {
    hash = (hash * 31 + character.codePointAt(0)) % 9973;
  }
  avatar.style.setProperty("--hue", (hash % 12) * 30); // few hues, easily told apart
  avatar.setAttribute("aria-hidden", "true");
  return avatar;
}

function makeTime(date) {
  const time = make("time", "", clock.format(date));
  time.dateTime = date.toISOString();
  time.title = date.toLocaleString();
  return time;
}

function isAtEnd() {
  const log = $("log");
  return log.scrollHeight - log.scrollTop - log.clientHeight < 60;
}

export function scrollToEnd() {
  $("log").scrollTop = $("log").scrollHeight;
  $("newer").hidden = true;
}

function append(element, follow) {
  const messages = $("messages");
  const stay = !follow && !isAtEnd();
  messages.append(element);
  while (messages.childElementCount > MOST_MESSAGES && !stay) {
    messages.firstElementChild.remove();
  }
  $("empty").hidden = true;
  if (!stay) {
    scrollToEnd();
  }
  return stay;
}

/** Show a message; `own` says whether the reader wrote it. */
export function showMessage({ author, text, time }, own) {
  const date = new Date(time);
  if (date.toDateString() !== lastDay) {
    lastDay = date.toDateString();
    append(make("li", "day", calendar.format(date)), own);
    last = null;
  }
  const first = !last || last.author !== author || time - last.time > SAME_BREATH;
  last = { author, time };

  const item = make("li", `message${own ? " own" : ""}${first ? " first" : ""}`);
  const name = make("p", own || !first ? "unseen" : "author");
  name.append(make("bdi", "", own ? "You" : author));
  if (first && !own) {
    item.append(makeAvatar(author));
  }
  const words = make("p", "text", text);
  words.dir = "auto";
  const bubble = make("div", "bubble");
  bubble.append(words, makeTime(date));
  item.append(name, bubble);
  if (append(item, own)) {
    $("newer").hidden = false;
  }
  if (document.hidden && !own) {
    unread += 1;
    showTitle();
  }
}

/** Show that somebody came or went. */
export function showEvent(name, what) {
  const item = make("li", "event");
  item.append(make("bdi", "", name), ` ${what}`);
  append(item, false);
  last = null;
}

/** Show who is here; `own` is the reader's name. */
export function showPeople(names, own) {
  $("people-list").replaceChildren(
    ...names.map((name) => {
      const item = make("li", "");
      item.append(makeAvatar(name), make("bdi", "", name));
      if (name === own) {
        item.append(make("small", "", "you"));
      }
      return item;
    }),
  );
  $("people-count").textContent = $("people-brief").textContent = names.length;
}

/** Show the state of the connection, a word of `states`. */
export function showState(state) {
  const words = { joined: "Connected", connecting: "Connecting…", waiting: "Offline", replaced: "Offline" };
  $("status").dataset.state = state;
  $("status").textContent = words[state];
  $("send").disabled = state !== "joined" || !$("text").value.trim();
}

/** Show a banner with a button, or none. */
export function showBanner(text, button = "") {
  $("banner").hidden = !text;
  $("retry").hidden = !button;
  if ($("banner-text").textContent !== text) {
    $("banner-text").textContent = text;
  }
  $("retry").textContent = button;
}

/** Show the form, with what was wrong the last time and the input that it was about. */
export function showDoor(refusal = "", culprit = null) {
  $("hall").hidden = true;
  $("door").hidden = false;
  $("enter").disabled = false;
  $("enter").textContent = "Join";
  $("refusal").textContent = refusal;
  for (const input of [$("name"), $("room")]) {
    input.setAttribute("aria-invalid", String(input === culprit));
  }
  (culprit ?? ($("name").value ? $("room") : $("name"))).focus();
  title = "rawws chat";
  showTitle();
}

/** Show a room, empty at first unless it was shown before. */
export function showHall(room) {
  if ($("hall").hidden || $("room-name").textContent !== room) {
    $("messages").replaceChildren();
    $("empty").hidden = false;
    $("empty").textContent = `This is #${room}.\nNothing has been said since you came.`;
    showPeople([], "");
    last = null;
  }
  $("door").hidden = true;
  $("hall").hidden = false;
  $("room-name").textContent = room;
  title = `#${room} · rawws chat`;
  showTitle();
}

/** Open or close the list of people, where there is no room for it beside the messages. */
export function showPeoplePanel(open) {
  $("people").classList.toggle("open", open);
  $("people-toggle").setAttribute("aria-expanded", String(open));
}

function showTitle() {
  document.title = unread ? `(${unread}) ${title}` : title;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    unread = 0;
    showTitle();
  }
});
$("newer").addEventListener("click", scrollToEnd);
$("log").addEventListener("scroll", () => {
  pinned = isAtEnd();
  if (pinned) {
    $("newer").hidden = true;
  }
});
new ResizeObserver(() => pinned && scrollToEnd()).observe($("log"));
