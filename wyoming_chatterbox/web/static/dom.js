// Elements: finding, making, and changing no more of them than what differs.

/** The page's elements by their ids: `ui.headline`. */
export const ui = new Proxy({}, { get: (_, id) => document.getElementById(id) });

/** Write only what differs: selections stay, and a screen reader isn't told the same thing again. */
export function set(target, value, property = "textContent") {
  value ??= "";
  if (property === "textContent") value = String(value);
  if (target[property] !== value) target[property] = value;
}

export const show = (element, shown) => set(element, !shown, "hidden");

export function attribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Make an element: `make("button.plain", { onclick }, "Text")`; "svg:line" is one of SVG. */
export function make(what, ...children) {
  const [tag, ...classes] = what.split(".");
  const drawn = tag.startsWith("svg:");
  const made = drawn
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  if (tag === "button") made.type = "button";
  if (classes.length) made.setAttribute("class", classes.join(" "));
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    if (child.constructor !== Object) { made.append(child); continue; }
    for (const [key, value] of Object.entries(child)) {
      if (!drawn && key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
  }
  return made;
}

const shown = new WeakMap();

/**
 * Give a list these items. The node of an item that didn't change stays as it is; another is made by `build`, and takes
 * over what it can: the node itself if only words differ, else the focus.
 */
export function fill(list, items, key, build) {
  const before = new Map(Array.from(list.children, (child) => [shown.get(child)?.key, child]));
  let next = list.firstElementChild;
  for (const item of items) {
    const id = key(item);
    const says = `${document.documentElement.lang} ${JSON.stringify(item)}`;
    let node = before.get(id);
    before.delete(id);
    if (!node || shown.get(node).says !== says) {
      // An element that is built in again, such as a form, loses the focus on its way.
      const focused = node?.contains(document.activeElement) ? document.activeElement : null;
      const made = build(item);
      if (node && next === node && !isAlike(node, made)) next = made;
      node = node ? correct(node, made, focused) : made;
      shown.set(node, { key: id, says });
    }
    if (node === next) next = next.nextElementSibling;
    else list.insertBefore(node, next);
  }
  for (const node of before.values()) node.remove();
}

/** Put a node that is made anew in the place of another; only words are changed where only words differ. */
function correct(node, made, focused) {
  if (isAlike(node, made)) { copy(node, made); return node; }
  node.replaceWith(made);
  if (made.contains(focused)) focused.focus();
  else if (focused?.dataset.do) made.querySelector(`[data-do="${focused.dataset.do}"]`)?.focus();
  return made;
}

const isAlike = (one, other) => one.nodeName === other.nodeName && !one.onclick && one.childNodes.length === other.childNodes.length
  && [...one.childNodes].every((child, i) => isAlike(child, other.childNodes[i]));

function copy(node, made) {
  if (node.nodeType === Node.TEXT_NODE) set(node, made.data, "data");
  else attribute(node, "class", made.getAttribute("class"));
  node.childNodes.forEach((child, i) => copy(child, made.childNodes[i]));
}

/** Two columns of words: what, and how much. */
export const facts = (list, rows) => fill(list, rows.flatMap(([what, value]) => [["dt", what], ["dd", value, what]]),
  ([tag, text, what]) => `${tag} ${what ?? text}`, ([tag, text]) => make(tag, text));

/** A list of checks; a kind is "yes", "warn" or "no". */
export const checks = (list, rows) => fill(list, rows, ([kind, text]) => `${kind} ${text}`, ([kind, text]) => make(`li.${kind}`, text));

/** Give a select these options, [value, label], and keep what was chosen. */
export function choices(select, options, usual) {
  if (select.dataset.options === JSON.stringify(options)) return;
  const chosen = [select.value, usual, options[0]?.[0]].find((value) => options.some(([offered]) => offered === value));
  select.dataset.options = JSON.stringify(options);
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  if (chosen !== undefined) select.value = chosen;
}

/** Do something at each press, but once at a time: a second press meanwhile is the other half of a double click. */
export function onPress(button, action) {
  let isBusy = false;
  button.addEventListener("click", async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      await action();
    } catch ({ message }) {
      toast(message);
    }
    isBusy = false;
  });
}

/** A message that goes by itself, with a way back if there is one. */
export function toast(text, undo, seconds = undo ? 20 : 8) {
  ui.toastText.textContent = "";
  show(ui.toast, true);
  ui.toastText.textContent = text;
  show(ui.undo, Boolean(undo));
  ui.undo.onclick = () => { hideToast(); undo(); };
  clearTimeout(toast.timer);
  toast.timer = setTimeout(hideToast, 1000 * seconds);
}

export function hideToast() {
  // The focus would begin again at the top.
  if (ui.toast.contains(document.activeElement)) ui.main.focus({ preventScroll: true });
  show(ui.toast, false);
}
