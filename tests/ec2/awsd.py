# SPDX-License-Identifier: ISC
"""The AWS CLI as a server: it loads the CLI once, with the commands of the services that the tests
use, and forks for each call, which then takes a tenth of the time.

    awsd.py serve SOCKET        needs the CLI's modules in PYTHONPATH, and AWS_CONFIG_FILE
    awsd.py call SOCKET WORD... does what `aws WORD...` does, in the caller's environment
"""

import json
import os
import socket
import sys


def call(path, words):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(json.dumps([words, dict(os.environ)]).encode())
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while data := s.recv(65536):
            answer += data
    status, out, err = json.loads(answer)
    sys.stdout.write(out)
    sys.stderr.write(err)
    return status


def one(connection, entry):
    """In a process of its own."""
    import io
    words, env = json.loads(connection.makefile("rb").read())
    data = os.environ["AWS_DATA_PATH"]      # awscli's own, set when it was loaded
    os.environ.clear()
    os.environ.update(env, AWS_DATA_PATH=data)
    out, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO(), write_through=True)
    err, sys.stderr = sys.stderr, io.StringIO()
    try:
        status = entry.main(words)
    except SystemExit as e:
        status = e.code or 0
    connection.sendall(json.dumps([status, sys.stdout.buffer.getvalue().decode(),
                                   sys.stderr.getvalue()]).encode())


def serve(path):
    import gc
    import pathlib
    import signal
    import awscli.botocore.loaders
    from awscli.clidriver import AWSCLIEntryPoint, create_clidriver
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    services = ("sts", "ec2", "ebs", "scheduler")
    # The models are read once; each forked process has a copy.
    plain = awscli.botocore.loaders.JSONFileLoader.load_file
    data = pathlib.Path(awscli.botocore.loaders.__file__).parent / "data"
    cache = {str(p)[:-5]: plain(None, str(p)[:-5])
             for folder in (data, data.parent.parent / "data", *(
                 sorted((data / service).glob("*"))[-1]
                 for service in services))
             for p in folder.glob("*.json")}
    awscli.botocore.loaders.JSONFileLoader.load_file = \
        lambda self, path: cache.get(path) or plain(self, path)
    driver = create_clidriver([])
    for service in services:
        driver.subcommand_table[service].subcommand_table
    entry = AWSCLIEntryPoint(driver)
    gc.collect()
    gc.freeze()         # a collector that walks all of it would copy it for each child
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(64)
        print("ready", flush=True)
        while True:
            connection, _ = s.accept()
            if os.fork() == 0:
                s.close()
                one(connection, entry)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    what, path, *words = sys.argv[1:]
    sys.exit(serve(path) if what == "serve" else call(path, words))
