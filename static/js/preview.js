// Phone, desktop or plain text: three looks at one mail.

const box = document.querySelector("[data-preview]");
const frame = box?.querySelector("[data-preview-frame]");
const text = box?.querySelector("[data-preview-text]");

function show(width) {
  frame.hidden = width === "text";
  frame.classList.toggle("preview--phone", width === "phone");
  text.open = width === "text";
  box.querySelectorAll("[data-width]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.width === width));
  });
}

box?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-width]");
  if (button) show(button.dataset.width);
});
