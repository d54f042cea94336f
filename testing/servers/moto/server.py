"""moto as a server of AWS's interfaces on a free port of loopback, which it prints. It ends when its stdin does: with the
process that started it, however that one ends.
"""

import sys

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
