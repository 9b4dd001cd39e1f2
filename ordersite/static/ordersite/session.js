// What is typed outlives the session: a form that is sent leaves its text in this window's storage, and the page puts
// it back when it is loaded again, if the server has said in between that nothing was done with it. Any other page
// after the form means that it was taken. Without this script everything works, but for the text that is lost.
const KEY = "typed";
const TYPED = "textarea[name], input[name=note]";
const { user, unsent, posted } = document.getElementById("session-script").dataset;
const page = location.pathname + location.search;

// A browser may refuse to keep anything.
const ask = (call) => { try { return call(); } catch { return null; } };
const read = () => ask(() => JSON.parse(sessionStorage.getItem(KEY)));
const forget = () => ask(() => sessionStorage.removeItem(KEY));
const write = (kept) => ask(() => sessionStorage.setItem(KEY, JSON.stringify(kept)));

// All windows share the sign-in, so each says whose it is now.
ask(() => localStorage.setItem("user", user));

// A login in another window changes the token that forms carry. It is taken over only where the same person came in:
// what one person's page shows is never sent in the name of another.
export function renew() {
  const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  if (!token || !user || ask(() => localStorage.getItem("user")) !== user) return;
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = token;
}

// Django's token goes with every htmx request, in its header and among its fields.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  renew();
  const field = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (!field) return;
  detail.headers["X-CSRFToken"] = field.value;
  if (detail.parameters.csrfmiddlewaretoken) detail.parameters.csrfmiddlewaretoken = field.value;
});

function keep(form) {
  const fields = [...form.querySelectorAll(TYPED)].filter((field) => !field.readOnly && field.value);
  // What the server wrote into a page that somebody opened is not typed; into an answer to a form it is.
  if (fields.some((field) => posted !== undefined || field.value !== field.defaultValue)) {
    const values = Object.fromEntries(fields.map((field) => [field.name, field.value]));
    // The version that the text began with, so that the server sees what was published meanwhile.
    const base = form.querySelector("input[name=base]")?.value;
    write({ user, page, action: form.getAttribute("action"), values, base });
  } else if (!read()?.lost) forget();
}

function putBack({ action, values, base }) {
  const form = [...document.forms].find((one) => one.method === "post" && one.getAttribute("action") === action);
  const fields = [...(form?.querySelectorAll(TYPED) ?? [])].filter((field) => !field.readOnly && field.name in values);
  for (const field of fields) if (field.value === field.defaultValue) field.value = values[field.name];
  const begun = form?.querySelector("input[name=base]");
  if (fields.length && begun && base) begun.value = base;
}

addEventListener("submit", renew, true);
addEventListener("submit", ({ target: form, defaultPrevented }) => {
  if (form.id === "logout-form") forget();
  else if (user && form.method === "post" && !defaultPrevented) keep(form);
});

// A file that was chosen cannot be put back, so whether the session still stands is asked before it is sent.
addEventListener("submit", async (event) => {
  const { target: form, submitter, defaultPrevented } = event;
  if (!user || defaultPrevented || form.dataset.asked || !form.querySelector("input[type=file]")) return;
  event.preventDefault();
  const asked = await fetch(page, { method: "HEAD", headers: { "HX-Request": "true" } }).catch(() => null);
  if (asked?.headers.has("HX-Redirect")) {
    const box = document.getElementById("silent");
    box.textContent = "You are logged out. Log in in another window, then press the button here again.";
    box.scrollIntoView({ block: "center" });
    return;
  }
  form.dataset.asked = "yes";
  form.requestSubmit(submitter);
  delete form.dataset.asked;
});

const kept = read();
if (kept) {
  if (unsent !== undefined) write({ ...kept, lost: true });
  else if (!kept.lost || (user && user !== kept.user)) forget();
  else if (user && page === kept.page) {
    forget();
    putBack(kept);
  }
}
