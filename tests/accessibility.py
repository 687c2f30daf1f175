"""What of a page somebody may not be able to see or to name: scripts for the browser, each of which returns the faults."""

# Elements that can be pressed, filled in or looked at, without a name that a screen reader could say.
NAMELESS = """() => [...document.querySelectorAll('a[href], button, input, select, [role=img], [tabindex="0"]')]
    .filter((one) => one.checkVisibility())
    .filter((one) => !(one.getAttribute('aria-label') || one.title || one.placeholder || one.labels?.length ||
        one.textContent.trim() || one.querySelector('img[alt]:not([alt=""])')))
    .map((one) => one.outerHTML)"""

# Texts whose colour is too close to what lies behind them: 4.5 to 1 is wanted, of large ones 3 to 1.
FAINT = """() => {
    const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const parts = (colour) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
    };
    const behind = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const colour = parts(getComputedStyle(at).backgroundColor);
            if (colour[3] > 0.99) return colour;
        }
        return [1, 1, 1, 1];
    };
    const straight = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const light = ([red, green, blue]) => 0.2126 * straight(red) + 0.7152 * straight(green) + 0.0722 * straight(blue);
    const says = (one) => [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const counts = (one) => one.checkVisibility() && !one.closest(':disabled, [data-state=offline], .unseen, .skip');
    const ratio = (one) => {
        const [dark, bright] = [light(parts(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };
    const wanted = (one) => (parseFloat(getComputedStyle(one).fontSize) >= 24 ? 3 : 4.5);
    const texts = [...document.querySelectorAll('body *')].filter((one) => counts(one) && says(one));
    const told = (one) => [ratio(one).toFixed(2), one.className, one.textContent.slice(0, 40)];
    return texts.filter((one) => ratio(one) < wanted(one)).map(told);
}"""

# Elements that move although somebody asked for less of that.
MOVING = """() => [...document.querySelectorAll('*')]
    .filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0)
    .map((one) => one.outerHTML)"""
