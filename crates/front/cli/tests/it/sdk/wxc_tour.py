# A tour with wxc-sdk, as it is; the token comes from WEBEX_ACCESS_TOKEN.
import os
import sys

from wxc_sdk import WebexSimpleApi
from wxc_sdk.devices import TagOp
from wxc_sdk.licenses import LicenseProperties, LicenseRequest, LicenseRequestOperation
from wxc_sdk.people import Person
from wxc_sdk.rest import RestError, RestSession
from wxc_sdk.webhook import WebhookEventType, WebhookResource
from wxc_sdk.workspaces import Workspace

RestSession.BASE = os.environ['SDK_BASE']


def refused(status, call, *arguments, **named):
    try:
        list(call(*arguments, **named) or [])
    except RestError as error:
        assert error.response.status_code == status, error
        assert error.detail.tracking_id, 'the tracking id that Cisco support asks for'
    else:
        raise AssertionError(f'{call} was not refused')


with WebexSimpleApi() as api:
    # People, and pages of them.
    me = api.people.me()
    people = list(api.people.list(max=60))
    assert len({person.person_id for person in people}) == 250
    assert [person.person_id for person in api.people.list(email=me.emails[0])] == [me.person_id]
    assert me.person_id in {person.person_id for person in api.people.list(display_name=me.display_name)}
    assert api.people.details(people[7].person_id).display_name == people[7].display_name
    assert api.people.details(me.person_id, calling_data=True).org_id == me.org_id

    # What the organisation has.
    organisation, = api.organizations.list()
    assert api.organizations.details(organisation.org_id).display_name == organisation.display_name
    assert 'Webex Calling - Professional' in {license.name for license in api.licenses.list()}
    locations = list(api.locations.list())
    assert all(location.name for location in locations)
    assert all(number.phone_number or number.extension for number in api.telephony.phone_numbers(max=100))

    # Devices, and pages of them.
    devices = list(api.devices.list(max=15))
    assert len({device.device_id for device in devices}) == 40
    device = api.devices.details(next(one.device_id for one in devices if one.workspace_id and one.product_type == 'roomdesk'))
    assert device.device_id in {one.device_id for one in api.devices.list(workspace_id=device.workspace_id)}
    assert api.devices.modify_device_tags(device.device_id, TagOp.add, ['toured']).tags == ['toured']
    assert [one.device_id for one in api.devices.list(tag='toured')] == [device.device_id]
    assert not api.devices.modify_device_tags(device.device_id, TagOp.remove).tags

    # What a device says and does.
    assert api.xapi.query_status(device.device_id, ['Audio.Volume']).result['Audio']['Volume'] == 50
    api.xapi.execute_command('Audio.Volume.Set', device.device_id, {'Level': 23})
    assert api.xapi.query_status(device.device_id, ['Audio.Volume']).result['Audio']['Volume'] == 23

    # A workspace comes, changes and goes.
    workspaces = list(api.workspaces.list())
    assert len({workspace.workspace_id for workspace in workspaces}) == len(workspaces)
    assert api.workspaces.details(device.workspace_id).workspace_id == device.workspace_id
    assert api.workspaces.capabilities(device.workspace_id)
    created = api.workspaces.create(Workspace(display_name='Tour Room', capacity=4))
    created.capacity = 12
    assert api.workspaces.update(created.workspace_id, created).capacity == 12
    assert [room.workspace_id for room in api.workspaces.list(display_name='Tour Room')] == [created.workspace_id]
    assert api.devices.activation_code(workspace_id=created.workspace_id).code
    api.workspaces.delete_workspace(created.workspace_id)

    # A colleague comes, gets a telephone, changes and goes.
    ann = api.people.create(Person(emails=['ann.tour@example.com'], first_name='Ann', last_name='Tour', display_name='Ann Tour'))
    calling = next(license for license in api.licenses.list() if license.webex_calling_professional)
    line = LicenseProperties(location_id=locations[0].location_id, extension='8901')
    given = api.licenses.assign_licenses_to_users(
        person_id=ann.person_id, licenses=[LicenseRequest(id=calling.license_id, properties=line)])
    assert calling.license_id in given.licenses
    assert api.people.details(ann.person_id, calling_data=True).location_id == locations[0].location_id
    assert api.licenses.details(calling.license_id).consumed_units == calling.consumed_units + 1
    taken = api.licenses.assign_licenses_to_users(
        person_id=ann.person_id, licenses=[LicenseRequest(id=calling.license_id, operation=LicenseRequestOperation.remove)])
    assert calling.license_id not in taken.licenses
    ann = api.people.details(ann.person_id)
    ann.display_name = 'Ann Grand Tour'
    assert api.people.update(ann).display_name == 'Ann Grand Tour'

    # They talk.
    room = api.rooms.create(title='Tour')
    membership = api.membership.create(room_id=room.id, person_id=ann.person_id)
    assert {one.person_id for one in api.membership.list(room_id=room.id)} == {me.person_id, ann.person_id}
    hook = api.webhook.create('tour', 'https://tour.example/', WebhookResource.rooms, WebhookEventType.updated, secret='tour')
    assert hook.webhook_id in {one.webhook_id for one in api.webhook.list()}
    assert api.webhook.details(hook.webhook_id).name == 'tour'
    api.webhook.webhook_delete(hook.webhook_id)
    message = api.messages.create(room_id=room.id, markdown='**Hello**, Ann')
    assert api.messages.details(message.id).markdown == '**Hello**, Ann'
    assert [one.id for one in api.messages.list(room_id=room.id)] == [message.id]
    api.messages.delete(message.id)
    api.membership.delete(membership.id)
    api.rooms.delete(room.id)
    api.people.delete_person(ann.person_id)

    # What is not there, and what this token may not.
    refused(404, api.workspaces.details, created.workspace_id)
    refused(404, api.people.details, created.workspace_id)
    refused(404, api.devices.details, created.workspace_id)
    refused(404, api.people.details, ann.person_id)
    refused(404, api.rooms.details, room.id)
    refused(403, api.meetings.list)

    # What is asked for too often: the SDK waits, and goes on.
    print('too often', file=sys.stderr, flush=True)
    input()
    for _ in range(int(os.environ['SDK_LIMIT']) + 1):
        assert len(list(api.locations.list())) == len(locations)
