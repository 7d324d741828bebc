// Code and tables that are wider than the screen scroll by themselves. Who has
// no mouse scrolls them with the arrow keys, once the focus can go there.
function reach() {
  for (const box of document.querySelectorAll("pre, table")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

reach();
addEventListener("resize", reach);
