// Sends Django's token with every htmx request, and closes a filter's list on a click elsewhere or Escape. Everything
// works without this script, but for what stays up to date by itself.
document.addEventListener("htmx:configRequest", (event) => {
  const field = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (field) event.detail.headers["X-CSRFToken"] = field.value;
});

const close = (except) => {
  for (const open of document.querySelectorAll("details.choice[open]")) if (open !== except) open.open = false;
};
document.addEventListener("click", (event) => close(event.target.closest("details.choice")));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(null); });
