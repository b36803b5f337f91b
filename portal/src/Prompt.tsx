// A prompt's audio: played, and replaced by a file.
import { FileButton, Button, Group, Stack, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { upload, type Row } from './api'
import { reasonOf } from './reasons'
import { useMay } from './session'
import { t } from './text'
import { toast } from './toast'

export function PromptAudio({ prompt }: { prompt: Row }) {
  const client = useQueryClient()
  const mayChange = useMay('manager')
  const [busy, setBusy] = useState(false)
  const [wrong, setWrong] = useState('')
  const take = async (file: File | null) => {
    if (!file) return
    setBusy(true)
    setWrong('')
    try {
      await upload(`/prompts/${prompt.id}/audio`, file)
      toast(t('Callers now hear {file}', { file: file.name }))
      await client.invalidateQueries({ queryKey: ['prompts'] })
    } catch (e) {
      setWrong(reasonOf(e))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Stack gap="xs">
      <Text size="sm" fw={500}>{t('Audio')}</Text>
      <Text size="xs" c="dimmed">{prompt.has_audio ? t('Callers hear the uploaded file.') : t('Callers hear the spoken text until a file is uploaded.')}</Text>
      {prompt.has_audio === true && <audio controls src={`/api/v1/prompts/${prompt.id}/audio?${encodeURIComponent(String(prompt.updated_at))}`} aria-label={t('Audio')} />}
      <Group>
        {mayChange && <FileButton accept="audio/*,.wav,.mp3,.ogg,.flac" onChange={(f) => void take(f)}>{(props) => <Button variant="default" loading={busy} {...props}>{prompt.has_audio ? t('Replace the audio') : t('Upload audio')}</Button>}</FileButton>}
        <Text size="xs" c="dimmed">{t('WAV, MP3, OGG or FLAC')}</Text>
      </Group>
      {wrong && <Text size="sm" c="red" role="alert">{wrong}</Text>}
    </Stack>
  )
}
