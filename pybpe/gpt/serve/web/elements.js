// Small helpers: elements, text that is safe to show, and numbers in words.

const $ = (id) => document.getElementById(id);

// Make an element. Attributes whose names begin with "on" are event listeners; null and false leave an attribute out.
// Children that are strings become text nodes. No text of the model or of the user is ever read as HTML.
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Return what an action returns, or null if it throws: for storage that a browser refuses, and JSON of strangers. */
function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

/** Return text without lone surrogates, which UTF-8 cannot write: each becomes U+FFFD. */
const wellFormed = (text) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));

/** Return a random name for a conversation or a message. (crypto.randomUUID needs https; this does not.) */
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const percent = (logprob) => {
  const share = 100 * Math.exp(logprob);
  return share >= 99.95 ? "100 %" : share >= 0.1 ? `${share.toFixed(1)} %` : "< 0.1 %";
};

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** Show a message for some seconds, or, with an action, until it is used or the next message. */
function toast(words, action = null) {
  const box = $("toast");
  const hide = () => { box.hidden = true; };
  box.replaceChildren(el("span", {}, words));
  if (action) box.append(el("button", { type: "button", onclick: () => { hide(); action.run(); } }, action.name));
  box.append(el("button", { type: "button", "aria-label": "Close this message", onclick: hide }, "✕"));
  box.hidden = false;
  clearTimeout(toast.timer);
  if (!action) toast.timer = setTimeout(hide, 8000);
}

/** Tell screen readers what happened. */
const announce = (words) => { $("announcer").textContent = words; };
