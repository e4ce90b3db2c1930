// Sorts a report's tables by their columns, and finds rows by a word. Without it the page is as complete, and stays as written.

/** Tables of fewer rows are read at a glance. */
const ROWS_TO_SEARCH = 12;

for (const table of document.querySelectorAll('table')) {
  const [body] = table.tBodies;
  if (body === undefined || body.rows.length < 2) continue;
  makeSortable(table, body);
  if (body.rows.length >= ROWS_TO_SEARCH) addSearch(table, body);
}

/**
 * @param {HTMLTableElement} table
 * @param {HTMLTableSectionElement} body
 */
function makeSortable(table, body) {
  const headings = [...table.querySelectorAll('thead th')];
  headings.forEach((heading, column) => {
    // A column that is named by what stands in it: a button without a name would be read as nothing.
    if (heading.textContent?.trim() === '') return;
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener('click', () => {
      const isUp = heading.getAttribute('aria-sort') !== 'ascending';
      for (const other of headings) other.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', isUp ? 'ascending' : 'descending');
      const rows = [...body.rows].sort((a, b) => compare(a.cells[column], b.cells[column], isUp ? 1 : -1));
      body.append(...rows);
    });
  });
}

/**
 * Numbers before words, and cells without either last, whichever way.
 * @param {HTMLTableCellElement | undefined} a
 * @param {HTMLTableCellElement | undefined} b
 * @param {1 | -1} direction
 */
function compare(a, b, direction) {
  const [one, two] = [textOf(a), textOf(b)];
  if (one === '' || two === '') return Number(one === '') - Number(two === '');
  const [x, y] = [a?.dataset.value, b?.dataset.value];
  if (x !== undefined && y !== undefined) return direction * (Number(x) - Number(y));
  if (x !== undefined || y !== undefined) return x === undefined ? 1 : -1;
  return direction * one.localeCompare(two, undefined, { numeric: true });
}

/** @param {HTMLTableCellElement | undefined} cell */
function textOf(cell) {
  return cell?.textContent?.trim() ?? '';
}

/**
 * @param {HTMLTableElement} table
 * @param {HTMLTableSectionElement} body
 */
function addSearch(table, body) {
  const label = document.createElement('label');
  const input = document.createElement('input');
  const count = document.createElement('span');
  label.append(`Rows of "${table.caption?.textContent ?? ''}" with `, input);
  input.type = 'search';
  count.className = 'hint';
  count.setAttribute('role', 'status');
  const box = document.createElement('p');
  box.className = 'filter';
  box.append(label, count);
  (table.closest('.scroll') ?? table).before(box);
  input.addEventListener('input', () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of body.rows) {
      row.hidden = !(row.textContent ?? '').toLowerCase().includes(wanted);
      if (!row.hidden) shown++;
    }
    count.textContent = wanted === '' ? '' : `${shown} of ${body.rows.length}`;
  });
}
