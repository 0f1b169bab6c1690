// Corrects the voice of a finding (`findings.py`) by one click on another voice, or by one key while the finding has the
// focus or the pointer. What it sends is stored as a label by the server, which then shows the finding again.

const VOICES = { KeyP: "promotes", KeyO: "reports", KeyB: "rebuts" };
const INTERVAL = 50; // milliseconds between two looks at the focus
const TRIES = 80;

const typing = (event) => {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
};
const unique = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// Where a finding is, so that it is found again after the page was shown anew.
function placeOf(chip) {
  const row = chip.closest(".nv-row");
  const opened = [...row.querySelectorAll(".nv-chip[open]")].map((other) => other.dataset.frame);
  return { paragraph: Number(row.dataset.paragraph), frame: chip.dataset.frame, opened };
}

function clicked(keys, event) {
  const button = event.target.closest?.(".nv-chip button");
  if (!button) return;
  event.preventDefault(); // the click must not open or close the chip around the button
  event.stopPropagation();
  const chip = button.closest(".nv-chip");
  keys.trigger("voice", { step: unique(), voice: button.dataset.voice ?? "", undo: "undo" in button.dataset, ...placeOf(chip) });
}

function pressed(keys, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event)) return;
  const chip = document.activeElement?.closest?.(".nv-chip") ?? document.querySelector(".nv-chip:hover");
  const voice = VOICES[event.code];
  const button = chip?.querySelector(voice ? `button[data-voice=${voice}]` : "button[data-undo]");
  if (!button || !(voice || event.code === "KeyZ")) return;
  event.preventDefault();
  event.stopPropagation();
  if (chip.contains(document.activeElement)) refocus(placeOf(chip), TRIES);
  button.click();
}

// A finding that is shown anew has lost the focus; the next key shall find it again.
function refocus(place, tries) {
  if (document.activeElement !== document.body) {
    if (tries) setTimeout(() => refocus(place, tries - 1), INTERVAL);
    return;
  }
  const row = document.querySelector(`.nv-row[data-paragraph="${place.paragraph}"]`);
  const chip = [...(row?.querySelectorAll(".nv-chip") ?? [])].find((other) => other.dataset.frame === place.frame);
  chip?.querySelector("summary").focus();
}

export default function ({ parentElement, setTriggerValue }) {
  const home = parentElement.querySelector(".keys");
  const keys = (home.keys ??= {});
  keys.trigger = setTriggerValue;
  if (!keys.clicked) {
    keys.clicked = (event) => clicked(keys, event);
    keys.pressed = (event) => pressed(keys, event);
    document.addEventListener("click", keys.clicked, true);
    document.addEventListener("keydown", keys.pressed, true);
  }
  return () => {
    document.removeEventListener("click", keys.clicked, true);
    document.removeEventListener("keydown", keys.pressed, true);
    keys.clicked = null;
  };
}
