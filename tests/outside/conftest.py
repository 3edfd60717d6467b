"""What the tests share that use readers which are not ours.

The tests run the program as anybody would, and read what it wrote with other people's software.
`scripts/test_outside.sh` installs that software and names the program in SCALEMODEL.

- `scalemodel` runs the program.
- `run` is the folder of a run of trial 5, simulated once.
- `page` is a page of a headless browser that reaches nothing outside; `serve` gives it a folder.
"""

import functools
import http.server
import os
import pathlib
import shutil
import subprocess
import threading

import playwright.sync_api
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The longest that one command or one step of a browser may take.
LIMIT_S = 120

BROWSER_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Scalemodel:
    """The program."""

    def __init__(self, path):
        self.path = path

    def __call__(self, *arguments, code=0):
        """Runs the program and gives what it printed; another exit code is a failure."""
        command = [self.path, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, cwd=ROOT)
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def scalemodel():
    """The program, from the variable SCALEMODEL."""
    path = os.environ.get("SCALEMODEL")
    if not path or not os.access(path, os.X_OK):
        pytest.exit(f"SCALEMODEL names no program: {path}; use scripts/test_outside.sh", 2)
    return Scalemodel(os.path.abspath(path))


@pytest.fixture(scope="session")
def run(scalemodel, tmp_path_factory):
    """The folder of a run of trial 5, simulated once: three machines, 660 events."""
    folder = tmp_path_factory.mktemp("runs") / "trial5"
    scalemodel("simulate", "scripts/trials/trial5.toml", "--logs", folder)
    return folder


@pytest.fixture
def origins():
    """The addresses that the page of a test may reach, besides files."""
    return []


@pytest.fixture
def serve(origins):
    """Serves a folder to the page of the test, on a loopback address, and gives the address."""
    servers = []

    def start(folder, handler=http.server.SimpleHTTPRequestHandler):
        serves = functools.partial(handler, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serves)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        origins.append(f"http://127.0.0.1:{server.server_port}")
        return origins[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, that of the computer."""
    path = shutil.which("chromium")
    if path is None:
        pytest.exit("chromium is missing; use scripts/test_outside.sh", 2)
    with playwright.sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints():
    """What the page of a test complained of; a test that expects something takes it out."""
    return []


@pytest.fixture
def page(browser, origins, complaints):
    """A page that reaches files and what the test serves. Every error on it fails the test."""
    context = browser.new_context(service_workers="block")
    context.set_default_timeout(LIMIT_S * 1000)
    context.route("**/*", lambda route: let_pass(route, origins))
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("console", lambda line: note_error(line, complaints))
    yield page
    context.close()
    assert complaints == []


def let_pass(route, origins):
    """Lets a request pass if it stays within the test."""
    url = route.request.url
    own = ["file://", "data:", "blob:", *(f"{origin}/" for origin in origins)]
    if url.startswith(tuple(own)):
        route.continue_()
    else:
        route.abort()


def note_error(line, complaints):
    """Keeps what the page wrote to its console as an error."""
    if line.type == "error":
        complaints.append(f"console: {line.text}")
