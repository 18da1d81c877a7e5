"use strict";
// Asks for /status.json every second and keeps the picture alive. Text only ever goes in as text.
const EVERY = 1000, PATIENCE = 5000, GAP = 8000; // milliseconds
const at = (id) => document.getElementById(id);
const video = at("video");
// Not relative: opened with a password in the address, the page could not ask.
const SITE = location.origin;
let lastCapture = "", lost = false, isCrowded = false, askedAt = Date.now(), sending = false, waiting = 0;

function element(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function words(one) {
  return one.similarity === null ? one.text : `${one.text} ${one.similarity.toFixed(2)}`;
}

function when(seconds) {
  const then = new Date(seconds * 1000);
  const clock = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const isToday = then.toDateString() === new Date().toDateString();
  return isToday ? clock : `${then.toLocaleDateString([], { day: "numeric", month: "short" })} ${clock}`;
}

function play() {
  if (!document.hidden) video.src = `/video_feed?at=${Date.now()}`;
}

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

function fill(list, parts) {
  list.replaceChildren(...parts);
}

function showCapture(told) {
  at("register").hidden = told === null;
  if (told === null || sending) return;
  at("go").disabled = told.state === "running";
  const news = JSON.stringify(told);
  if (told.state === "none" || news === lastCapture) return;
  lastCapture = news;
  at("progress").textContent = told.text;
  at("progress").className = `progress ${told.state}`;
}

function show(told) {
  at("rate").textContent = told.picture || `${told.rate.toFixed(1)} frames a second`;
  fill(at("faces"), told.faces.map((one) => element("li", `${one.number}: ${words(one)}`, `chip ${one.kind}`)));
  fill(at("status"), told.status.flatMap((row) => [element("dt", row.name), element("dd", row.word, row.bad ? "bad" : "")]));
  fill(at("happenings"), told.happenings.length ? told.happenings.map((one) => {
    const line = document.createElement("li");
    line.append(element("time", when(one.at)), element("span", words(one), `chip ${one.kind}`));
    if (one.opened) line.append(element("span", "opened", "opened"));
    return line;
  }) : [element("li", "Nothing yet.", "quiet")]);
  showCapture(told.capture);
}

async function ask() {
  const gap = Date.now() - askedAt;
  askedAt = Date.now();
  try {
    const answer = await fetch(`${SITE}/status.json`, { signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(await answer.text());
    show(await answer.json());
    // After a pause of either side the old stream may be dead without a word.
    if (lost || gap > GAP) play();
    // Not by the event "load", which streams give when they like.
    if (isCrowded && video.naturalWidth) isCrowded = false;
    if (!isCrowded) trouble("");
    lost = false;
  } catch {
    lost = true;
    at("rate").textContent = "";
    trouble("The door does not answer: what is shown is old.");
  }
  setTimeout(ask, EVERY);
}

video.addEventListener("error", () => {
  if (document.hidden || !video.hasAttribute("src")) return;
  clearTimeout(waiting);
  waiting = setTimeout(play, 3000);
  fetch(`${SITE}/video_feed`, { method: "HEAD" }).then((answer) => {
    isCrowded = answer.status === 503;
    if (isCrowded) trouble("Too many are watching already. The picture comes when somebody leaves.");
  }).catch(() => {});
});

// Who does not look takes no place and costs nothing.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) video.removeAttribute("src");
  else play();
});

at("capture").addEventListener("submit", async (event) => {
  event.preventDefault();
  sending = true;
  at("go").disabled = true;
  const progress = at("progress");
  progress.className = "progress";
  progress.textContent = "";
  try {
    const answer = await fetch(`${SITE}/capture`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: at("name").value }),
    });
    const told = await answer.json();
    progress.textContent = told.text;
    if (answer.ok) at("name").value = "";
    else progress.className = "progress failed";
  } catch {
    progress.textContent = "The door did not answer. Try again.";
    progress.className = "progress failed";
  }
  sending = false;
  at("go").disabled = false;
});

ask();
// Only now: an error that came before somebody listened would never be made good.
play();
