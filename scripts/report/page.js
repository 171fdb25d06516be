const page = document.documentElement, french = document.getElementById('fr')
if (navigator.language.startsWith('fr')) french.checked = true
const speak = () => { page.lang = french.checked ? 'fr' : 'en' }
for (const choice of document.querySelectorAll('input[name=language]')) choice.addEventListener('change', speak)
speak()
const days = Math.floor((Date.now() - Date.parse(page.dataset.made)) / 864e5)
if (days >= 2) {
  for (const place of document.querySelectorAll('.days')) place.textContent = days
  document.querySelector('.stale').hidden = false
}
