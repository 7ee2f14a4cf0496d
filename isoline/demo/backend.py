"""An example backend, which says who it is and what it was asked.

`python -m isoline.demo.backend NAME PORT [ADDRESS]`
"""

import sys

from aiohttp import web


def main(name: str, port: int, address: str = "127.0.0.1") -> None:
    """Serves until SIGTERM."""

    async def answer(request: web.Request) -> web.Response:
        text = f"{name}: {request.method} {request.host}{request.path_qs}\n"
        return web.Response(text=text, headers={"X-Backend": name})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    web.run_app(app, host=address, port=port, print=None, access_log=None, shutdown_timeout=0.5)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
