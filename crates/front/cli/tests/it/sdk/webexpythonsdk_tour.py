# A tour with webexpythonsdk, as it is; the token comes from WEBEX_ACCESS_TOKEN.
import os
import sys
import warnings

from webexpythonsdk import ApiError, RateLimitWarning, WebexAPI

api = WebexAPI(base_url=os.environ['SDK_BASE'] + '/')


def refused(status, call, *arguments, **named):
    try:
        answer = call(*arguments, **named)
        list(answer)
    except ApiError as error:
        assert error.response.status_code == status, error
    else:
        raise AssertionError(f'{call} was not refused')


# People, and pages of them, of two sizes.
me = api.people.me()
for size in (60, 100):
    people = list(api.people.list(max=size))
    assert len({person.id for person in people}) == 250
assert [person.id for person in api.people.list(email=me.emails[0])] == [me.id]
assert me.id in {person.id for person in api.people.list(displayName=me.displayName)}
for person in people[:3]:
    assert api.people.get(person.id).displayName == person.displayName

# What the organisation has.
organisation, = api.organizations.list()
assert api.organizations.get(organisation.id).displayName == organisation.displayName
assert 'Webex Calling - Professional' in {license.name for license in api.licenses.list()}

# A colleague comes, changes, and talks.
ann = api.people.create(emails=['ann.tour@example.com'], displayName='Ann', firstName='Ann', lastName='Tour')
assert api.people.update(ann.id, emails=ann.emails, displayName='Ann Tour').displayName == 'Ann Tour'
room = api.rooms.create(title='Tour')
assert api.rooms.update(room.id, title='Grand Tour').title == 'Grand Tour'
assert room.id in {one.id for one in api.rooms.list()}
membership = api.memberships.create(roomId=room.id, personId=ann.id)
assert api.memberships.update(membership.id, isModerator=True).isModerator
assert {one.personId for one in api.memberships.list(roomId=room.id)} == {me.id, ann.id}
hook = api.webhooks.create('tour', 'https://tour.example/', 'rooms', 'created', secret='tour')
assert api.webhooks.update(hook.id, name='grand tour', targetUrl=hook.targetUrl).name == 'grand tour'
assert hook.id in {one.id for one in api.webhooks.list()}
api.webhooks.delete(hook.id)
messages = [api.messages.create(roomId=room.id, markdown=f'*number* {number}') for number in range(5)]
assert {one.id for one in api.messages.list(roomId=room.id, max=2)} == {message.id for message in messages}
assert api.messages.get(messages[0].id).markdown == '*number* 0'
assert api.messages.update(messages[0].id, roomId=room.id, text='zero').text == 'zero'
api.messages.delete(messages[1].id)
api.memberships.delete(membership.id)
api.rooms.delete(room.id)
api.people.delete(ann.id)

# What is not there, and what this token may not.
refused(404, api.people.get, organisation.id)
refused(404, api.organizations.get, me.id)
refused(404, api.people.get, ann.id)
refused(404, api.rooms.get, room.id)
refused(404, api.messages.get, messages[0].id)
refused(403, api.meetings.list)
refused(403, api.recordings.list, integrationTag='tour')

# What is asked for too often: the SDK warns, waits, and goes on.
print('too often', file=sys.stderr, flush=True)
input()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    for _ in range(int(os.environ['SDK_LIMIT']) + 1):
        assert list(api.licenses.list())
assert any(issubclass(one.category, RateLimitWarning) for one in caught), 'nothing was limited'
