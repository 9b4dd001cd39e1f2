// The mapping editor: the plain field becomes an editor with highlighting, completion and problems at their lines, and
// two texts stand side by side. Without this script the field, the list of problems and the table of lines remain.
import * as cm from "./vendor/codemirror-6.min.js";
import { renew } from "./session.js"; // which has put back what was typed before the editor takes the text

const nonce = document.getElementById("editor-script")?.nonce ?? "";
const PAUSE = 500; // milliseconds without a keystroke before the text is checked

// The colours come from the pages' own sheet, so that light and dark need no second set here.
const look = [
  cm.EditorView.cspNonce.of(nonce),
  cm.syntaxHighlighting(cm.classHighlighter),
  cm.lineNumbers(),
  cm.foldGutter(),
  cm.bracketMatching(),
  cm.drawSelection(),
  cm.highlightSelectionMatches(),
  cm.yaml(),
];

function token() {
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

// Left to itself the browser keeps a look for what is typed over a selection, as a style attribute that the pages'
// policy refuses; so a text over a selection is put in here.
const overSelection = cm.EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    if (event.inputType !== "insertText" || event.isComposing || !event.data || empty || view.state.readOnly) return false;
    event.preventDefault();
    const put = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    const handlers = view.state.facet(cm.EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, event.data, put))) view.dispatch(put());
    return true;
  },
});

// --- problems -------------------------------------------------------------------------------------------------------
function placed(doc, problem) {
  const line = doc.line(Math.min(Math.max(problem.line, 1), doc.lines));
  const from = Math.min(line.from + Math.max(problem.column - 1, 0), line.to);
  const word = /^[^\s:,{}[\]]+/.exec(doc.sliceString(from, line.to));
  const to = word ? from + word[0].length : line.to;
  return { from: from === to ? line.from : from, to: Math.max(to, from), severity: problem.severity };
}

function diagnostic(doc, problem) {
  return {
    ...placed(doc, problem),
    message: `${problem.path || "document"}: ${problem.message}. ${problem.remedy}`,
    renderMessage: () => {
      const box = document.createElement("div");
      const what = box.appendChild(document.createElement("div"));
      what.textContent = `${problem.path || "document"}: ${problem.message}`;
      const remedy = box.appendChild(document.createElement("div"));
      remedy.className = "quiet";
      remedy.textContent = problem.remedy;
      return box;
    },
  };
}

function checking(form, list) {
  let timer = 0;
  let asked = 0;
  async function check(view) {
    const mine = ++asked;
    const text = view.state.doc;
    const body = new FormData();
    renew();
    for (const name of ["document", "csrfmiddlewaretoken"]) {
      const field = form.querySelector(`input[name=${name}]`);
      if (field) body.set(name, field.value);
    }
    body.set("text", text.toString());
    let answer;
    try {
      const response = await fetch(form.dataset.check, { method: "POST", body, headers: { "X-CSRFToken": token() } });
      if (response.redirected) {
        if (mine === asked) list.textContent = "You are logged out, so the text is not checked. Log in in another window, then go on here: nothing typed is lost.";
        return;
      }
      if (!response.ok) throw new Error(String(response.status));
      answer = await response.json();
    } catch (problem) {
      if (mine === asked) list.textContent = `The text could not be checked (${problem.message}). Remedy: load the page again; copy your text first.`;
      return;
    }
    // An answer about a text that is there no more says nothing.
    if (mine !== asked || view.state.doc !== text) return;
    list.innerHTML = answer.html; // made by our own template, every value escaped
    const found = answer.problems.map((problem) => diagnostic(text, problem));
    view.dispatch(cm.setDiagnostics(view.state, found));
    form.dispatchEvent(new CustomEvent("checked", { detail: answer.problems }));
  }
  return {
    check,
    listener: cm.EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      clearTimeout(timer);
      timer = setTimeout(() => check(update.view), PAUSE);
    }),
  };
}

// --- completion -----------------------------------------------------------------------------------------------------
const ENTRY = /^(\s*)(?:- )?("[^"]*"|'[^']*'|[^\s#"'{[][^:{}[\]]*?)\s*:(?:\s|$)/;

/** The keys above a line, the outermost first, by their indentation. */
function blocks(doc, number, indent) {
  const path = [];
  let depth = indent;
  for (let at = number - 1; at >= 1 && depth > 0; at--) {
    const found = ENTRY.exec(doc.line(at).text);
    if (found && found[1].length < depth) {
      depth = found[1].length;
      path.unshift(bare(found[2]));
    }
  }
  return path;
}

function bare(word) {
  return /^["']/.test(word) ? word.slice(1, -1) : word.trim();
}

/** Where the cursor stands: the path of its block, and the key whose value is typed ("" where a key is). */
function place(state, pos) {
  const line = state.doc.lineAt(pos);
  const before = line.text.slice(0, pos - line.from);
  const entry = ENTRY.exec(line.text);
  const path = blocks(state.doc, line.number, /^\s*/.exec(line.text)[0].length);
  const open = before.lastIndexOf("{");
  const inFlow = open >= 0 && before.indexOf("}", open) < 0 && !/["'][^"']*\{[^"']*$/.test(before);
  if (inFlow) {
    const owner = /([^\s:{},][^:{},]*?|"[^"]*"|'[^']*')\s*:\s*\{[^{]*$/.exec(before);
    const part = before.slice(Math.max(before.lastIndexOf(","), open) + 1);
    const key = /^\s*([^:]+?)\s*:\s*/.exec(part);
    const list = before.lastIndexOf("[") > before.lastIndexOf("]");
    const inner = list ? /([\w/ ]+?)\s*:\s*\[[^\]]*$/.exec(before) : null;
    const outer = owner ? [...path, bare(owner[1])] : path;
    return { path: outer, key: inner ? inner[1].trim() : key ? key[1] : "" };
  }
  if (entry && pos - line.from >= entry[0].length - (entry[0].endsWith(" ") ? 0 : 1) && before.includes(":")) {
    return { path, key: bare(entry[2]) };
  }
  return { path, key: "" };
}

function option(label, detail, type, apply) {
  return { label, detail, type, apply };
}

function named(name) {
  return /^[A-Za-z0-9][\w .()/&+-]*$/.test(name) && !/^(true|false|null|yes|no|on|off|\d.*)$/i.test(name) ? name : JSON.stringify(name);
}

function keysAt(words, path) {
  for (const [pattern, keys] of Object.entries(words.keys)) {
    const parts = pattern ? pattern.split(".") : [];
    if (parts.length === path.length && parts.every((part, at) => part === "*" || part === path[at])) return keys;
  }
  return [];
}

const IDS = new Set(["to", "uuid_column"]);
const LINE_IDS = new Set(["key_column", "size", "quantity"]);
const SOURCES = new Set(["business_key", "identity", "customer", "po_number", "between", "except", "total"]);
const TEMPLATES = new Set(["group", "item"]);

function options(words, { path, key }, before) {
  const columns = words.columns.map((each) => option(each.id, `${each.title} - ${each.kind}`, "property"));
  const lines = words.lines.map((each) => option(each.id, `${each.title} - ${each.kind}`, "property"));
  const sources = words.source.map((name) => option(name, "source", "variable", named(name)));
  if (!key) {
    const known = keysAt(words, path).map((name) => option(name, "", "keyword", `${name}: `));
    const own = path.length === 1 && path[0] === "columns" || path.at(-1) === "include"
      ? words.source.map((name) => option(name, "source", "variable", `${named(name)}: `)) : [];
    return [...known, ...own];
  }
  if (IDS.has(key) || (path.length === 1 && path[0] === "columns")) return columns;
  if (LINE_IDS.has(key) && path[0] === "sizes") return lines;
  if (key === "aliases") return words.spellings.map((name) => option(name, "known to nobody", "text", named(name)));
  if (TEMPLATES.has(key) && /[{|][^}]*$/.test(before)) {
    return [...words.computed.map((name) => option(name, "computed", "constant")), ...words.source.map((name) => option(name, "source", "variable"))];
  }
  if (SOURCES.has(key) && key !== "customer" || key === "customer" && path[0] === "source") return sources;
  if (words.choices[key] && !(key === "sizes" && path[0] !== "policy")) {
    return words.choices[key].map((name) => option(name, "", "enum"));
  }
  return [];
}

function completing(form) {
  let words = null;
  const asking = fetch(form.dataset.words).then((answer) => (answer.ok ? answer.json() : null)).then((found) => { words = found; }, () => {});
  return async (context) => {
    if (!words) await asking;
    if (!words) return null;
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    if (/^\s*#|\s#/.test(before)) return null;
    const typed = /(?:[^\s,:{}[\]|"'][^,:{}[\]|"']*)?$/.exec(before)[0];
    const found = options(words, place(context.state, context.pos), before);
    if (!found.length || (!typed && !context.explicit)) return null;
    return { from: context.pos - typed.length, options: found, validFor: /^[^,:{}[\]|"']*$/ };
  };
}

// --- the editor -----------------------------------------------------------------------------------------------------
function edit(form, field) {
  const list = document.getElementById("problems");
  const locked = field.readOnly;
  const { check, listener } = checking(form, list);
  const view = new cm.EditorView({
    doc: field.value,
    extensions: [
      look,
      cm.highlightActiveLine(),
      cm.highlightActiveLineGutter(),
      cm.EditorView.contentAttributes.of({ tabindex: "0", "aria-label": field.getAttribute("aria-label"), "aria-describedby": "keys" }),
      cm.EditorState.tabSize.of(2),
      cm.indentUnit.of("  "),
      cm.lintGutter(),
      locked
        ? [cm.EditorState.readOnly.of(true), cm.keymap.of([...cm.searchKeymap, ...cm.foldKeymap])]
        : [
            cm.history(),
            overSelection,
            cm.indentOnInput(),
            cm.closeBrackets(),
            cm.autocompletion({ override: [completing(form)], icons: false }),
            cm.keymap.of([
              ...cm.closeBracketsKeymap, ...cm.completionKeymap, ...cm.lintKeymap, ...cm.searchKeymap, ...cm.foldKeymap,
              ...cm.historyKeymap, ...cm.defaultKeymap, cm.indentWithTab,
            ]),
            cm.EditorView.updateListener.of((update) => { if (update.docChanged) field.value = update.state.doc.toString(); }),
            listener,
          ],
    ],
  });
  field.hidden = true;
  field.parentElement.append(view.dom);
  document.getElementById("keys").hidden = false;
  for (const plain of form.querySelectorAll("[data-plain]")) plain.hidden = true;
  if (!locked) check(view);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-line]");
    if (!link) return;
    event.preventDefault();
    const at = placed(view.state.doc, { line: Number(link.dataset.line), column: Number(link.dataset.column) });
    view.dispatch({ selection: { anchor: at.from, head: at.to }, effects: cm.EditorView.scrollIntoView(at.from, { y: "center" }) });
    view.focus();
  });

  let sent = false;
  const before = field.defaultValue;
  form.addEventListener("submit", () => { sent = true; });
  addEventListener("beforeunload", (event) => { if (!sent && field.value !== before) event.preventDefault(); });

  // Enter in the search tries; in a picked order the try follows the text.
  const search = form.querySelector("input[name=q]");
  const button = form.querySelector("button[value=try]");
  search?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    button.click();
  });
  form.addEventListener("checked", (event) => {
    const picked = document.querySelector("#trial input[name=pick]");
    if (picked && !event.detail.some((problem) => problem.severity === "error")) button.click();
  });
}

// --- two texts side by side -----------------------------------------------------------------------------------------
function merge(box) {
  if (matchMedia("(max-width: 767px)").matches) return; // the table is easier to read there
  const [old, now] = ["old-text", "new-text"].map((id) => JSON.parse(document.getElementById(id).textContent));
  const side = (text, name) => ({
    doc: text,
    extensions: [
      look, cm.EditorState.readOnly.of(true), cm.EditorView.contentAttributes.of({ tabindex: "0", "aria-label": name }),
      cm.keymap.of([...cm.searchKeymap, ...cm.foldKeymap]),
    ],
  });
  const head = document.createElement("div");
  head.className = "merge-heads";
  for (const each of [old, now]) head.appendChild(document.createElement("div")).textContent = each.name;
  const table = box.querySelector(".scroll");
  const place = document.createElement("div");
  place.className = "merge";
  table.replaceWith(head, place);
  new cm.MergeView({
    a: side(old.text, old.name),
    b: side(now.text, now.name),
    parent: place,
    collapseUnchanged: { margin: 3, minSize: 6 },
    gutter: true,
  });
}

const form = document.getElementById("editor");
const field = document.getElementById("text");
if (form && field) edit(form, field);
for (const box of document.querySelectorAll("[data-merge]")) merge(box);
