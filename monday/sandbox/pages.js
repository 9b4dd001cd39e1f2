// Keeps the rows in step with the board, unfolds subitems, and edits a cell where it stands. No other site is asked.
const rows = document.getElementById('rows');
const pill = document.getElementById('live');
const unfolded = new Set();
const seen = [];  // when which change was the last, for "changes in the last 10 s"
let stamp = rows.dataset.stamp, busy = false;

function tell(last) {
  const now = Date.now();
  seen.push([now, last]);
  while (seen.length > 1 && now - seen[0][0] > 10000) seen.shift();
  const changes = last - seen[0][1];
  pill.textContent = changes > 0 ? `LIVE: ${changes} ${changes === 1 ? 'change' : 'changes'} in the last 10 s` : 'Live';
  pill.className = changes > 0 ? 'pill live good' : 'pill live';
}

function texts() {
  const kept = new Map();
  for (const row of rows.querySelectorAll('tr[id]')) {
    kept.set(row.id, new Map([...row.querySelectorAll('td[data-c]')].map(cell => [cell.dataset.c, cell.textContent])));
  }
  return kept;
}

function mark(before) {
  for (const row of rows.querySelectorAll('tr[id]:not(.below)')) {
    const old = before.get(row.id);
    if (!old) { row.classList.add('fresh'); continue; }
    for (const cell of row.querySelectorAll('td[data-c]')) {
      if ((old.get(cell.dataset.c) ?? '') !== cell.textContent) cell.classList.add('fresh');
    }
  }
}

function unfold(button, open) {
  const below = document.getElementById(button.dataset.below);
  below.hidden = !open;
  button.setAttribute('aria-expanded', String(open));
  open ? unfolded.add(below.id) : unfolded.delete(below.id);
}

// Whether the rows are as the board is now; not while a cell is being edited, also where that began meanwhile.
async function refresh() {
  const fresh = await fetch(rows.dataset.rowsUrl);
  const text = await fresh.text();
  if (!fresh.ok || busy || rows.querySelector('td form')) return false;
  const shut = [...rows.querySelectorAll('details.group:not([open])')].map(group => group.id);
  const places = new Map([...rows.querySelectorAll('.scroll[id]')].map(part => [part.id, part.scrollLeft]));
  const before = texts();
  rows.innerHTML = text;
  for (const id of shut) { const group = document.getElementById(id); if (group) group.open = false; }
  for (const [id, left] of places) { const part = document.getElementById(id); if (part) part.scrollLeft = left; }
  for (const button of rows.querySelectorAll('button.unfold')) if (unfolded.has(button.dataset.below)) unfold(button, true);
  mark(before);
  return true;
}

async function look() {
  try {
    const told = await fetch(rows.dataset.stampUrl);
    if (told.ok) {
      const now = await told.text();
      tell(Number(now.split(' ')[0]));
      if (now !== stamp && !rows.querySelector('td form') && !busy && await refresh()) stamp = now;
    }
  } catch (gone) {
    pill.textContent = 'The sandbox does not answer'; pill.className = 'pill live bad';
  }
  setTimeout(look, 1000);
}

async function edit(cell) {
  busy = true;
  let found, text;
  try {
    found = await fetch(`${cell.closest('tr').dataset.edit}/${cell.dataset.c}`);
    text = await found.text();
  } finally {
    busy = false;
  }
  if (!found.ok) return;
  const former = cell.innerHTML;
  cell.innerHTML = text;
  const form = cell.querySelector('form');
  form.querySelector('input:not([type=hidden]), select, textarea').focus();
  form.addEventListener('keydown', event => { if (event.key === 'Escape') cell.innerHTML = former; });
  form.addEventListener('submit', async event => {
    event.preventDefault();
    busy = true;
    const body = new URLSearchParams(new FormData(form));
    let answer;
    try {
      answer = await fetch(form.action, { method: 'POST', body });
    } finally {
      busy = false;
    }
    if (answer.ok) { cell.innerHTML = former; await refresh(); return; }
    const told = (await answer.text()).match(/<p class="warning">[^]*?<\/p>/);  // the rest of the page brings its own style
    const page = new DOMParser().parseFromString(told ? told[0] : '', 'text/html');
    let said = form.querySelector('.warning');
    if (!said) { said = document.createElement('span'); said.className = 'warning'; form.append(said); }
    said.textContent = page.querySelector('.warning')?.textContent || 'This was not saved.';
  });
}

rows.addEventListener('click', event => {
  const button = event.target.closest('button.unfold');
  if (button) { unfold(button, button.getAttribute('aria-expanded') !== 'true'); return; }
  const cell = event.target.closest('td[data-c]');
  if (cell && !event.target.closest('form, a') && cell.closest('tr').dataset.edit) edit(cell);
});
tell(Number(stamp.split(' ')[0]));
setTimeout(look, 1000);
