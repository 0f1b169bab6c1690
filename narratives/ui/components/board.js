// The labelling board. It handles keys in the browser, in the order in which they were pressed, and sends the server
// whole readings only: half a choice is never stored. Each step has a unique name (`step`), so that a step that arrives
// twice is stored once. While a step is on its way, keys are buffered; they belong to the next paragraph.
//
// A step stays in `board.busy` until the server names it as handled or refused, and is sent again until then.

const VOICES = { KeyP: "promotes", KeyO: "reports", KeyB: "rebuts" };
const MARKS = { promotes: "▲", reports: "●", rebuts: "▼" };
const PENDING = "narratives-pending";
const PATIENCE = 4000; // milliseconds to wait for the answer to a step before sending it again

// A pending reading belongs to one board: the adjudicators' board would store it as a decision.
const pendingKey = (board) => `${PENDING}${board.data.board === "board" ? "" : `-${board.data.board}`}:${board.data.annotator}`;
const element = (tag, kind, text) => {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text; // never innerHTML: texts may hold markup
  return made;
};
const unique = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const typing = (event) => {
  const target = event.composedPath()[0];
  if (target.getAttribute?.("role") === "combobox" && target.getAttribute("aria-expanded") === "false") return false; // a closed list keeps the focus; keys are for the board again
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
};
const TAKES = ["V", "W", "X"]; // the keys that accept the reading of an annotator
const codeOf = (key) => (/^[0-9]$/.test(key) ? `Digit${key}` : `Key${key}`);

function startFresh(board) {
  board.chosen = new Map();
  board.sure = true;
  board.note = "";
  board.filter = "";
  board.last = null;
  board.since = Date.now();
}

function send(board, payload) {
  board.busy = { step: unique(), paragraph_id: board.data.item?.paragraph_id ?? "", ...payload };
  // Only a reading outlives the page. An undo that is sent again later could undo something else.
  if (payload.act === "save") sessionStorage.setItem(pendingKey(board), JSON.stringify(board.busy));
  deliver(board);
}

function deliver(board) {
  board.trigger("step", { ...board.busy, sent: Date.now() }); // `sent` differs, or Streamlit would see no change
  awaitAnswer(board);
}

function awaitAnswer(board) {
  clearTimeout(board.timer);
  board.timer = setTimeout(() => board.busy && deliver(board), PATIENCE);
}

function save(board, pairs) {
  const frames = Array.from(pairs, ([frame, voice]) => [frame, voice]);
  send(board, { act: "save", frames, sure: board.sure, note: board.note, seconds: (Date.now() - board.since) / 1000 });
}

function toggle(board, frame) {
  if (board.chosen.has(frame)) {
    board.chosen.delete(frame);
    board.last = [...board.chosen.keys()].pop() ?? null;
  } else {
    board.chosen.set(frame, voiceAtFirst(board, frame));
    board.last = frame;
  }
}

// The suggested voice; empty, to be chosen, where the model leaves it open.
function voiceAtFirst(board, frame) {
  const suggestion = board.data.item.suggested.find((candidate) => candidate.frame === frame);
  return suggestion ? suggestion.voice : "promotes";
}

// The frame that a voice is meant for before any is chosen: the finding that is reviewed, else the first suggestion.
function voiceless(board) {
  const { suggested, focus } = board.data.item;
  return suggested.find(({ frame }) => frame === focus)?.frame ?? suggested[0]?.frame;
}

function giveVoice(board, frame, voice) {
  // A reviewer who changes the voice of one finding accepts the others: they would be lost otherwise.
  const others = board.data.item.accept && !board.chosen.size ? board.data.item.suggested : [];
  for (const suggestion of others) board.chosen.set(suggestion.frame, suggestion.voice);
  board.chosen.set(frame, voice);
  board.last = frame;
}

function act(board, code) {
  const item = board.data.item;
  if (code === "KeyZ") return send(board, { act: "undo" });
  if (!item) return undefined;
  const taken = item.readings?.[TAKES.findIndex((key) => codeOf(key) === code)];
  if (taken) return save(board, taken.frames);
  const frame = board.data.frames.find(({ key }) => key && codeOf(key) === code.replace("Numpad", "Digit"));
  if (frame) toggle(board, frame.id);
  else if (code in VOICES && (board.last ?? voiceless(board))) giveVoice(board, board.last ?? voiceless(board), VOICES[code]);
  else if (code === "Enter" || code === "NumpadEnter") return save(board, board.chosen);
  else if (code === "KeyY" && (item.suggested.length || item.accept)) return save(board, item.suggested.map(({ frame: suggested, voice }) => [suggested, voice]));
  else if (code === "KeyS") return send(board, { act: "skip", note: board.note });
  else if (code === "KeyU") board.sure = !board.sure;
  else if (code === "KeyG") board.guide = !board.guide;
  else if (code === "KeyF") board.open = "filter";
  else if (code === "KeyM") board.open = "note";
  return undefined;
}

function drain(board) {
  while (!board.busy && !board.open && board.buffer.length) act(board, board.buffer.shift());
  paint(board);
}

function pressed(board, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event)) return;
  const known = /^(Digit[0-9]|Numpad[0-9]|Key[A-Z]|Enter|NumpadEnter)$/.test(event.code);
  if (!known || event.code === "KeyC" || event.code === "KeyR") return; // C and R are Streamlit's
  event.preventDefault();
  event.stopPropagation();
  board.buffer.push(event.code);
  drain(board);
}

function receive(board) {
  const { data } = board;
  if (board.busy && (data.handled === board.busy.step || data.refused?.step === board.busy.step)) {
    clearTimeout(board.timer);
    board.timer = null;
    sessionStorage.removeItem(pendingKey(board));
    board.busy = null;
    board.complaint = data.refused?.sentence ?? "";
    if (board.complaint) board.buffer = []; // these keys were meant for the next paragraph, which did not come
  }
  if (board.shown !== data.item?.shown) {
    board.shown = data.item?.shown;
    if (!board.complaint) startFresh(board);
  }
  const pending = sessionStorage.getItem(pendingKey(board));
  if (pending && !board.busy) {
    board.busy = JSON.parse(pending); // a reading that had no answer when the page was closed or the server stopped
    deliver(board);
  }
  if (board.busy && !board.timer) awaitAnswer(board); // unmounting the component stopped the timer
  document.cookie = `narratives-annotator=${encodeURIComponent(data.annotator)}; path=/; max-age=31536000; samesite=strict`;
}

function paint(board) {
  const { root, data } = board;
  const { item } = data;
  root.textContent = "";
  const page = element("div", "board");
  const left = element("div");
  const right = element("div");
  page.append(left, right);
  root.append(page);
  left.append(element("div", "why", item ? [item.reason, item.source].filter(Boolean).join(" · ") : ""));
  const text = element("div", "text", item ? item.text : data.empty);
  text.dir = "auto";
  left.append(text);
  if (item?.readings?.length) left.append(readings(board));
  left.append(status(board), note(board), keys(item));
  if (item) frames(board, right);
  if (item && board.guide) left.append(guide(board));
  if (board.open) {
    const field = root.querySelector(`input.${board.open}`);
    field?.classList.remove("hidden");
    field?.focus();
  }
}

function readings(board) {
  const cards = element("div", "readings");
  board.data.item.readings.forEach((reading, number) => {
    const card = element("button", "reading");
    card.type = "button";
    card.tabIndex = -1;
    const head = element("div", "hint");
    if (TAKES[number]) head.append(element("kbd", "", TAKES[number]), " ");
    head.append(reading.title);
    card.append(head);
    const named = (id) => board.data.frames.find((frame) => frame.id === id)?.name ?? id;
    const lines = reading.frames.map(([frame, voice]) => `${MARKS[voice] ?? ""} ${named(frame)} · ${voice}`);
    for (const line of lines.length ? lines : ["no frame"]) card.append(element("div", "", line));
    if (reading.note) card.append(element("div", "hint", reading.note));
    card.onclick = () => { if (!board.busy) { save(board, reading.frames); paint(board); } };
    cards.append(card);
  });
  return cards;
}

function status(board) {
  const { saved, done } = board.data.progress;
  const line = element("div", board.complaint ? "status bad" : "status");
  if (board.complaint) line.textContent = board.complaint;
  else if (board.busy) line.textContent = "Saving …";
  else line.textContent = [saved, done, board.sure ? "" : "marked unsure"].filter(Boolean).join(" · ");
  return line;
}

function field(board, kind, placeholder, value, shown) {
  const input = element("input", shown ? kind : `${kind} hidden`);
  input.placeholder = placeholder;
  input.value = value;
  input.setAttribute("aria-label", placeholder);
  return input;
}

function close(board) {
  board.open = null;
  drain(board);
}

function note(board) {
  const input = field(board, "note", "Comment (Enter: keep, Esc: discard)", board.note ?? "", board.open === "note" || board.note);
  input.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") { board.note = input.value.trim(); close(board); }
    if (event.key === "Escape") { board.note = ""; close(board); }
  };
  input.oninput = () => { board.note = input.value; };
  return input;
}

function keys(item) {
  const line = element("div", "keys");
  const shown = [["Enter", "save (nothing chosen: no frame)"], ["P", "promotes"], ["O", "reports"], ["B", "rebuts"], ["Z", "undo"], ["S", "skip"], ["U", "unsure"], ["M", "comment"], ["G", "guideline"], ["F", "find a frame"]];
  if (item?.accept) shown.splice(1, 0, ["Y", item.suggested.length ? "accept the prediction" : "accept the prediction: no frame"]);
  else if (item?.suggested.length) shown.splice(1, 0, ["Y", "accept the suggestion"]);
  if (item?.readings?.length) shown.splice(1, 0, [TAKES.slice(0, item.readings.length).join(" "), "accept this reading"]);
  for (const [key, what] of shown) {
    const part = element("span");
    part.append(element("kbd", "", key), ` ${what}`);
    line.append(part);
  }
  return line;
}

function frames(board, right) {
  const search = field(board, "filter", "Find a frame (Enter: choose, Esc: close)", board.filter ?? "", board.open === "filter");
  right.append(search);
  const rows = element("div");
  right.append(rows);
  list(board, rows);
  search.oninput = () => { board.filter = search.value; list(board, rows); };
  search.onkeydown = (event) => {
    event.stopPropagation();
    const first = matching(board)[0];
    if (event.key === "Enter" && first) toggle(board, first.id);
    if (event.key === "Enter" || event.key === "Escape") { board.filter = ""; close(board); }
  };
}

const matching = (board) => {
  const query = (board.filter ?? "").toLowerCase();
  return board.data.frames.filter((frame) => `${frame.name} ${frame.id}`.toLowerCase().includes(query));
};

function list(board, rows) {
  rows.textContent = "";
  let aim = null;
  for (const frame of matching(board)) {
    if (frame.aim !== aim) {
      aim = frame.aim;
      const head = element("div", "aim", aim);
      head.style.borderColor = frame.colour;
      rows.append(head);
    }
    rows.append(row(board, frame));
  }
}

function row(board, frame) {
  const chosen = board.chosen.has(frame.id);
  const voice = board.chosen.get(frame.id);
  const suggestion = board.data.item.suggested.find((candidate) => candidate.frame === frame.id);
  const button = element("button", `frame${chosen ? " chosen" : ""}${board.last === frame.id ? " focus" : ""}`);
  button.type = "button";
  button.tabIndex = -1;
  button.title = frame.claim;
  button.style.setProperty("--colour", frame.colour);
  button.append(element("kbd", frame.key ? "" : "none", frame.key), element("span", "name", frame.name));
  if (chosen) button.append(element("span", "hint", voice ? `${MARKS[voice]} ${voice}` : "◇ voice open"));
  else if (suggestion) button.append(element("span", "hint", `◌ ${suggestion.voice || "voice unsettled"} ${suggestion.likely}`));
  button.onclick = () => { if (!board.busy) { toggle(board, frame.id); paint(board); } };
  const line = element("div", "line");
  line.append(button);
  if (chosen || suggestion) line.append(...others(board, frame, chosen ? voice : suggestion.voice));
  return line;
}

// A button for each voice that the frame does not have.
function others(board, frame, present) {
  return Object.entries(VOICES).filter(([, voice]) => voice !== present).map(([code, voice]) => {
    const button = element("button", "voice", MARKS[voice]);
    button.type = "button";
    button.tabIndex = -1;
    button.title = `${voice} (${code.slice(-1)})`;
    button.setAttribute("aria-label", `${frame.name}: ${voice}`);
    button.onclick = () => { if (!board.busy) { giveVoice(board, frame.id, voice); paint(board); } };
    return button;
  });
}

function guide(board) {
  const id = board.last ?? board.data.item.suggested[0]?.frame ?? board.data.frames[0]?.id;
  const frame = board.data.frames.find((candidate) => candidate.id === id);
  const panel = element("div", "guide");
  if (!frame) return panel;
  panel.append(element("b", "", frame.name), element("div", "", frame.claim));
  for (const [title, lines] of [["Counts", frame.include], ["Does not count", frame.exclude], ["Examples", frame.examples]]) {
    panel.append(element("b", "", title));
    const items = element("ul");
    items.append(...lines.map((line) => element("li", "", line)));
    panel.append(items);
  }
  return panel;
}

export default function (component) {
  const { parentElement, setTriggerValue } = component;
  const data = { ...component.data, frames: window.narrativesFrames ?? [] }; // sent by put_frames, perhaps later
  const home = parentElement.querySelector(".home");
  const board = (home.board ??= { buffer: [], busy: null, shown: null, complaint: "", guide: false, open: null });
  Object.assign(board, { root: home, data, trigger: setTriggerValue });
  if (!board.chosen) startFresh(board);
  receive(board);
  drain(board);
  if (!board.listening) {
    board.listening = (event) => pressed(board, event);
    board.framesChanged = () => { board.data.frames = window.narrativesFrames; paint(board); };
    // In the capture phase, before Streamlit's own shortcuts see the key.
    document.addEventListener("keydown", board.listening, true);
    document.addEventListener("narratives-frames", board.framesChanged);
  }
  return () => {
    document.removeEventListener("keydown", board.listening, true);
    document.removeEventListener("narratives-frames", board.framesChanged);
    board.listening = null;
    clearTimeout(board.timer);
    board.timer = null;
  };
}
