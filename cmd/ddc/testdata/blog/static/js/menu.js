const icon = "/favicon.svg";
document.title += icon.length;
