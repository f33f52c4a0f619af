# Lists all devices once for each line of its input, with the asynchronous client of wxc-sdk. Answers with the number of devices, and the
# processor time and the time that it took, in nanoseconds.
import asyncio
import os
import sys
import time

from wxc_sdk.as_api import AsWebexSimpleApi
from wxc_sdk.as_rest import AsRestSession

AsRestSession.BASE = os.environ['SDK_BASE']


async def main():
    async with AsWebexSimpleApi(tokens=os.environ['WEBEX_ACCESS_TOKEN']) as api:
        print('ready', flush=True)
        for _ in sys.stdin:
            used, begun = time.process_time_ns(), time.perf_counter_ns()
            devices = await api.devices.list(max=1000)
            print(len(devices), time.process_time_ns() - used, time.perf_counter_ns() - begun, flush=True)


asyncio.run(main())
