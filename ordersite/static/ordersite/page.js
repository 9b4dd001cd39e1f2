// Says when what stays up to date by itself does not, and closes a filter's list on a click elsewhere or Escape.
// Everything works without this script, but for what stays up to date by itself.
const LOGGED_OUT = "You are logged out. Log in in another window, then go on here: nothing typed is lost.";
let answered = new Date();
const silent = (words) => {
  const box = document.getElementById("silent");
  if (box && box.textContent !== words) box.textContent = words;
};

// A page that would be loaded anew, or led to the login, must not take away what somebody is typing; it asks again later.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const typed = [...document.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
  const asked = (name) => event.detail.xhr.getResponseHeader(name);
  if (typed && (asked("HX-Refresh") || asked("HX-Redirect"))) event.preventDefault();
});
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, ({ detail }) => {
    if (name === "htmx:responseError" && detail.xhr.status < 500) return;
    silent(`No answer since ${answered.toISOString().slice(11, 16)} UTC; these figures are of then.`);
  });
}
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.xhr.status < 200 || detail.xhr.status >= 400) return;
  const out = detail.xhr.getResponseHeader("HX-Redirect");
  if (!out) answered = new Date();
  silent(out ? LOGGED_OUT : "");
});

const close = (except) => {
  for (const open of document.querySelectorAll("details.choice[open]")) if (open !== except) open.open = false;
};
document.addEventListener("click", (event) => close(event.target.closest("details.choice")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  // Who was inside the list is back at what opens it, and not at the beginning of the page.
  document.activeElement.closest("details.choice[open]")?.querySelector("summary").focus();
  close(null);
});

// What a page that asks for itself again says of its state is read out when it changes, and only then.
const say = () => {
  const box = document.getElementById("said");
  const said = document.querySelector("[data-said]")?.dataset.said;
  if (box && said && box.textContent !== said) box.textContent = said;
};
document.addEventListener("htmx:afterSettle", say);

// What can be scrolled can be reached by keyboard, and only while there is more than its box shows.
const SCROLLERS = ".scroll, .results, .affected, .merge, .rows, pre.data";
const reach = () => {
  for (const box of document.querySelectorAll(SCROLLERS)) {
    const more = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (!more) { box.removeAttribute("tabindex"); continue; }
    box.tabIndex = 0;
    if (box.matches("div:not([role])")) {
      const head = box.closest("section, figure, main")?.querySelector("h2, figcaption, h1");
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", `${head ? head.innerText : "Table"}, can be scrolled`);
    }
  }
};
for (const event of ["load", "resize"]) window.addEventListener(event, reach);
document.addEventListener("toggle", reach, true);
document.addEventListener("htmx:afterSettle", reach);

window.addEventListener("load", () => {
  say();
  // A chart that is wider than its box shows its newest bars first.
  for (const box of document.querySelectorAll(".figure > .scroll")) box.scrollLeft = box.scrollWidth;
  // The stock filter of a long list explains itself by a picture that has a name but no role.
  for (const picture of document.querySelectorAll("span.help-tooltip[aria-label]")) picture.setAttribute("role", "img");
});
