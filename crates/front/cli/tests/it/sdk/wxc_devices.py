# A thousand devices fail by script, and wxc-sdk sees each of them as it was scripted: no more, no less, no sooner, no later.
import os

import requests
from wxc_sdk import WebexSimpleApi
from wxc_sdk.devices import ConnectionStatus
from wxc_sdk.rest import RestSession

RestSession.BASE = os.environ['SDK_BASE']
KEY = {'Authorization': 'Bearer ' + os.environ['CONTROL_KEY']}


def control(path, body):
    reply = requests.post(os.environ['CONTROL_URL'] + path, json=body, headers=KEY)
    reply.raise_for_status()
    return reply.json()


control('/clock', {'rate': 0})
control('/devices/script', {'steps': [{'do': 'recover'}]})
told = control('/devices/script', {'devices': {'first': 1000, 'skip': 200}, 'steps': [
    {'after_ms': 60_000, 'do': 'fail', 'for_ms': 120_000},
    {'after_ms': 240_000, 'do': 'error', 'codes': ['sipregistration', 'networkquality']},
    {'after_ms': 300_000, 'do': 'reboot'},
]})
assert told['devices'] == 1000

WELL, GONE, ILL = 'connected', 'disconnected', 'connected_with_issues'
TIMELINE = [(59, WELL, 0), (1, GONE, 0), (119, GONE, 0), (1, WELL, 0), (60, ILL, 2), (60, GONE, 0), (90, WELL, 0)]

with WebexSimpleApi() as api:
    chosen = None
    for seconds, status, codes in TIMELINE:
        control('/clock', {'advance_ms': seconds * 1000})
        devices = {device.device_id: device for device in api.devices.list(max=1000)}
        assert len(devices) == 1500
        changed = {id for id, device in devices.items() if device.connection_status != WELL}
        if status == WELL:
            assert not changed
            continue
        # The same thousand from the first failure on.
        chosen = chosen or changed
        assert changed == chosen and len(chosen) == 1000
        assert {devices[id].connection_status for id in chosen} == {status}
        assert {len(devices[id].error_codes) for id in chosen} == {codes}
        found = api.devices.list(connection_status=ConnectionStatus(status), max=1000)
        assert {device.device_id for device in found} == chosen
    print(len(chosen))
