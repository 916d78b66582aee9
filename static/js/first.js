// Runs before the page is drawn, so that nothing jumps: says that scripts work.
document.documentElement.dataset.js = "";
