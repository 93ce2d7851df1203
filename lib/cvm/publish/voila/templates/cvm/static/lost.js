// A page with live widgets needs its kernel. When it has gone (idle, server stopped), say so.
(function () {
  const config = JSON.parse(document.getElementById('jupyter-config-data').textContent);
  const lang = new URLSearchParams(location.search).get('lang') === 'en' ? 'en' : 'zh';
  const words = window.cvmSaid[lang];
  async function look() {
    let there = false;
    try {
      there = (await fetch(config.baseUrl + 'api/kernels/' + config.kernelId)).ok;
    } catch { /* the server has gone: the same to the viewer */ }
    if (there || document.querySelector('.cvm-lost')) return;
    const bar = document.createElement('p');
    bar.className = 'cvm-message cvm-lost';
    bar.setAttribute('role', 'alert');
    bar.textContent = words.lost + ' ';
    const button = document.createElement('button');
    button.textContent = words.reload;
    button.onclick = () => location.reload();
    bar.append(button);
    document.body.append(bar);
  }
  setInterval(look, 60000);
  document.addEventListener('visibilitychange', () => document.hidden || look());
})();
