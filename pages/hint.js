// The hint above a table is shown while the table is wider than its box, which then scrolls.
for (const box of document.querySelectorAll(".scroll")) {
  const hint = box.parentElement.querySelector(".hint");
  new ResizeObserver(() => { hint.hidden = box.scrollWidth <= box.clientWidth; }).observe(box);
}
