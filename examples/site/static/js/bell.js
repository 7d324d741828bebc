// The bell of the home page: an event count with one slow sleeper. A ring wakes
// the sleeper only if it has announced that it sleeps; others are suppressed.
window.addEventListener("DOMContentLoaded", () => {
  const bell = document.getElementById("bell");
  if (!bell) return;
  const picture = bell.querySelector("img");
  const atRest = "/images/bell.svg";
  const rung = "/images/bell-rung.svg";
  const count = { rings: 0, sent: 0, suppressed: 0 };
  let sleeping = true;

  const show = () => {
    for (const [id, n] of Object.entries(count)) document.getElementById(id).textContent = n;
    document.getElementById("sleeper").textContent = sleeping ? "asleep" : "awake";
    picture.src = sleeping ? atRest : rung;
  };

  bell.addEventListener("click", () => {
    count.rings++;
    if (sleeping) {
      sleeping = false;
      count.sent++;
      setTimeout(() => { sleeping = true; show(); }, 1500);
    } else {
      count.suppressed++;
    }
    show();
  });
});
